import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { migrate } from '../../functions/storage/schema.ts';

const first = { version: 1, statements: ['CREATE TABLE a (x)'] };
const second = { version: 2, statements: ['CREATE TABLE b (x)'] };

describe('versioned schemas', () => {
  it('run each migration once, add what is new, and leave a newer database to older code', async () => {
    await runInDurableObject(env.FLEET.getByName('schema'), (_object, state) => {
      const version = () => state.storage.sql.exec('SELECT version FROM schema_version').one()['version'];
      migrate(state.storage, [first]);
      migrate(state.storage, [first]);
      expect(version()).toBe(1);
      migrate(state.storage, [first, second]);
      expect(version()).toBe(2);
      migrate(state.storage, [first]);
      expect(version()).toBe(2);
      expect(() => state.storage.sql.exec('SELECT x FROM b')).not.toThrow();
    });
  });
});
