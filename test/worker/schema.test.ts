import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { migrate } from '../../functions/storage/schema.ts';

describe('versioned schemas', () => {
  it('run each migration once, add what is new, and leave a newer database to older code', async () => {
    await runInDurableObject(env.FLEET.getByName('schema'), (_object, state) => {
      const version = () => Number(state.storage.sql.exec('SELECT version FROM schema_version').one()['version']);
      // The object's own schema is there already: these come after it.
      const own = version();
      const first = { version: own + 1, statements: ['CREATE TABLE a (x)'] };
      const second = { version: own + 2, statements: ['CREATE TABLE b (x)'] };
      migrate(state.storage, [first]);
      migrate(state.storage, [first]);
      expect(version()).toBe(own + 1);
      migrate(state.storage, [first, second]);
      expect(version()).toBe(own + 2);
      migrate(state.storage, [first]);
      expect(version()).toBe(own + 2);
      expect(() => state.storage.sql.exec('SELECT x FROM b')).not.toThrow();
    });
  });
});
