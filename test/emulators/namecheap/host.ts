/** One row of a domain's host list, as the vendor keeps it. */
import { type Element, element } from './xml.ts';

export interface StoredHost {
  hostId: number;
  /** Relative: `@` is the apex. The name of an MXE row is the whole domain. */
  name: string;
  type: string;
  address: string;
  /** Stored for every type; it means something for MX alone. */
  mxPref: number;
  /** Seconds. */
  ttl: number;
  associatedAppTitle: string;
  friendlyName: string;
  isActive: boolean;
  isDDNSEnabled: boolean;
}

/** What somebody writes: by the API only the first five count. */
export type HostInput = Pick<StoredHost, 'name' | 'type' | 'address'> & Partial<Omit<StoredHost, 'hostId'>>;

/** What a row without a TTL gets: "Automatic" in the web interface. */
export const AUTOMATIC_TTL = 1_799;
/** Kept for every type but MX, whatever was sent. */
export const FIXED_PREFERENCE = 10;

export function hostElement(host: StoredHost): Element {
  return element('host', {
    HostId: host.hostId,
    Name: host.name,
    Type: host.type,
    Address: host.address,
    MXPref: host.mxPref,
    TTL: host.ttl,
    AssociatedAppTitle: host.associatedAppTitle,
    FriendlyName: host.friendlyName,
    IsActive: host.isActive,
    IsDDNSEnabled: host.isDDNSEnabled,
  });
}
