/** DNS vendors that `--dns` takes. */
export const DEMO_VENDORS = ['cloudflare', 'namecheap'] as const;
export type DemoVendor = (typeof DEMO_VENDORS)[number];

export function isDemoVendor(text: string): text is DemoVendor {
  return DEMO_VENDORS.some((vendor) => vendor === text);
}
