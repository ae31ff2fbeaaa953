/** Written by the build (`infra/build/`), resolved by the aliases in `wrangler.toml`. */
declare module 'perennial:configuration' {
  const compiled: import('./config/configuration.ts').CompiledConfiguration;
  export default compiled;
}
/** The relay's bundle as text, and what it is. */
declare module 'perennial:relay-bundle' {
  const source: string;
  export default source;
}
declare module 'perennial:relay-bundle-facts' {
  const facts: { sha256: string; bytes: number; contract: number };
  export default facts;
}
