/** What Vite gives to the modules of a test. */
interface ImportMeta {
  /** Variables that begin with `VITE_`, among others. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Files by their path, read as text when the test is built. */
  glob<T>(pattern: string, options: { query: '?raw'; import: 'default'; eager: true }): Record<string, T>;
}
