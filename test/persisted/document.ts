/** The checked blocks of docs/persisted.md: `<!-- checked: name -->` followed by a fenced block. */
export function checkedBlocks(markdown: string): Map<string, string> {
  const blocks = new Map<string, string>();
  for (const [, name = '', text = ''] of markdown.matchAll(/<!-- checked: (.+?) -->\s*```[a-z]*\n([\s\S]*?)\n```/g)) {
    if (blocks.has(name)) throw new Error(`docs/persisted.md has two blocks "${name}"`);
    blocks.set(name, text);
  }
  return blocks;
}
