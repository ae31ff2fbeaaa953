import { describe, expect, it } from 'vitest';
import { billed, carried, share, type Billed, type Usage } from '../../bench/usage.ts';
import { DAY } from '../../../shared/clock.ts';

const usage = (factor: number): Usage => ({
  invocations: { fetch: 3 * factor, scheduled: factor, 'FleetObject.report': 10 * factor, 'ClusterObject.webSocketMessage': 40 * factor },
  rowsWritten: { FleetObject: 5 * factor, CaObject: 2 * factor },
  activeMs: { FleetObject: 1_500 * factor, CertificateObject: 500 * factor },
  most: { subrequests: 7, by: 'CertificateObject.alarm' },
});
const cost = (more: Partial<Billed>): Billed => ({ objectRequests: 0, rowsWritten: 0, gbSeconds: 0, workerRequests: 0, ...more });

describe('what is billed between two counts', () => {
  it('are calls of objects with 20 messages of a socket for one, rows, and active time at 128 MB', () => {
    expect(billed(usage(3), usage(1))).toEqual({ objectRequests: 24, rowsWritten: 14, gbSeconds: 0.512, workerRequests: 8 });
  });
  it('is shared out evenly', () => {
    expect(share(billed(usage(3), usage(1)), 2)).toEqual({ objectRequests: 12, rowsWritten: 7, gbSeconds: 0.256, workerRequests: 4 });
  });
});

describe('the Free plan', () => {
  it('carries as many certificates as its first exhausted quota, after what a deployment takes by itself', () => {
    const daily = { fixed: cost({ rowsWritten: 10_000 }), idle: cost({ objectRequests: 10, rowsWritten: 15 }), renewal: cost({ rowsWritten: 300 }) };
    // 90,000 rows over 15 + 300 / 60 a day.
    expect(carried(daily, 60 * DAY)).toEqual({ certificates: 4_500, limit: 'rowsWritten' });
    expect(carried({ ...daily, idle: cost({ objectRequests: 100 }) }, 60 * DAY)).toEqual({ certificates: 1_000, limit: 'objectRequests' });
  });
  it('carries none where a deployment takes all of it', () => {
    expect(carried({ fixed: cost({ gbSeconds: 20_000 }), idle: cost({ gbSeconds: 1 }), renewal: cost({}) }, DAY).certificates).toBe(0);
  });
});
