/**
 * Reads ACL policy rules (HCL 1, acl/policy.go): namespaces with capabilities, a short-hand policy and variable paths,
 * and the agent, node and operator levels. Anything else is refused, as Nomad refuses unknown keys.
 */
import type { NamespaceRule, PolicyLevel, PolicyRules, VariableCapability, VariableRule } from './acl.ts';

type Value = string | string[];
interface Block {
  kind: string;
  label: string | undefined;
  attributes: Map<string, Value>;
  blocks: Block[];
}

const VARIABLE_CAPABILITIES: readonly string[] = ['list', 'read', 'write', 'destroy', 'deny'] satisfies VariableCapability[];
const LEVELS: readonly string[] = ['deny', 'read', 'write', 'scale', 'list'] satisfies PolicyLevel[];

/** @throws {Error} `Failed to parse ACL Policy: …` when the text is no policy. */
export function parsePolicyRules(text: string): PolicyRules {
  const root = new HclReader(text).read();
  const rules: PolicyRules = { namespaces: [] };
  if (root.attributes.size > 0) throw failure(`invalid or duplicate keys: ${[...root.attributes.keys()].join(', ')}`);
  for (const block of root.blocks) {
    if (block.kind === 'namespace') rules.namespaces.push(namespaceRule(block));
    else if (block.kind === 'agent' || block.kind === 'node' || block.kind === 'operator') rules[block.kind] = levelOf(block);
    else throw failure(`invalid or duplicate keys: ${block.kind}`);
  }
  return rules;
}

function namespaceRule(block: Block): NamespaceRule {
  const rule: NamespaceRule = { namespace: block.label ?? '', variables: [] };
  if (!/^[a-zA-Z0-9-*]{1,128}$/.test(rule.namespace)) throw failure(`Invalid namespace name: ${JSON.stringify(rule.namespace)}`);
  for (const [name, value] of block.attributes) {
    if (name === 'policy') rule.policy = levelOf(block);
    else if (name === 'capabilities' && Array.isArray(value)) rule.capabilities = value;
    else throw failure(`invalid or duplicate keys: ${name}`);
  }
  for (const child of block.blocks) {
    if (child.kind !== 'variables') throw failure(`invalid or duplicate keys: ${child.kind}`);
    rule.variables = [...(rule.variables ?? []), ...child.blocks.map((path) => variableRule(path, rule.namespace))];
  }
  return rule;
}

function variableRule(block: Block, namespace: string): VariableRule {
  const capabilities = block.attributes.get('capabilities');
  if (block.kind !== 'path' || block.label === undefined || block.label === '' || !Array.isArray(capabilities)) {
    throw failure('Invalid variable policy: a path needs capabilities');
  }
  if (block.label.startsWith('/'))
    throw new Error(`Invalid variable path ${JSON.stringify(block.label)} in namespace ${namespace}: cannot start with a leading '/'\``);
  return { path: block.label, capabilities: capabilities.map((name) => variableCapability(name, namespace)) };
}

function variableCapability(name: string, namespace: string): VariableCapability {
  if (!isVariableCapability(name)) throw new Error(`Invalid variable capability '${name}' in namespace ${namespace}`);
  return name;
}

function isVariableCapability(name: string): name is VariableCapability {
  return VARIABLE_CAPABILITIES.includes(name);
}

function levelOf(block: Block): PolicyLevel {
  const value = block.attributes.get('policy');
  if (typeof value !== 'string' || !isLevel(value)) throw failure(`Invalid ${block.kind} policy: ${JSON.stringify(value ?? '')}`);
  return value;
}

function isLevel(name: string): name is PolicyLevel {
  return LEVELS.includes(name);
}

function failure(reason: string): Error {
  return new Error(`Failed to parse ACL Policy: ${reason}`);
}

const TOKEN = /\s+|#[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/|"((?:[^"\\]|\\.)*)"|([A-Za-z_][\w-]*)|([{}[\]=,])/y;

type Token = { kind: 'string' | 'word' | 'mark'; text: string };

class HclReader {
  readonly #tokens: Token[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = tokenize(text);
  }

  read(): Block {
    return this.#body({ kind: '', label: undefined, attributes: new Map(), blocks: [] }, undefined);
  }

  #body(block: Block, end: string | undefined): Block {
    for (;;) {
      const token = this.#take();
      if (token === undefined && end === undefined) return block;
      if (token?.kind === 'mark' && token.text === end) return block;
      if (token === undefined || token.kind === 'mark') throw failure(`unexpected ${token?.text ?? 'end of file'}`);
      this.#item(block, token.text);
    }
  }

  #item(block: Block, name: string): void {
    const next = this.#take();
    if (next?.kind === 'mark' && next.text === '=') {
      if (block.attributes.has(name)) throw failure(`invalid or duplicate keys: ${name}`);
      block.attributes.set(name, this.#value());
      return;
    }
    const label = next?.kind === 'string' ? next.text : undefined;
    const open = label === undefined ? next : this.#take();
    if (open?.kind !== 'mark' || open.text !== '{') throw failure(`expected a block after ${name}`);
    block.blocks.push(this.#body({ kind: name, label, attributes: new Map(), blocks: [] }, '}'));
  }

  #value(): Value {
    const token = this.#take();
    if (token?.kind === 'string') return token.text;
    if (token?.kind !== 'mark' || token.text !== '[') throw failure('expected a string or a list');
    const list: string[] = [];
    for (;;) {
      const element = this.#take();
      if (element?.kind === 'string') list.push(element.text);
      else if (element?.kind === 'mark' && element.text === ']') return list;
      else if (element?.text !== ',') throw failure('expected a string in a list');
    }
  }

  #take(): Token | undefined {
    const token = this.#tokens[this.#at];
    this.#at += 1;
    return token;
  }
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let position = 0;
  while (position < text.length) {
    TOKEN.lastIndex = position;
    const match = TOKEN.exec(text);
    if (match === null) throw failure(`illegal character at ${position}`);
    position = TOKEN.lastIndex;
    const [, string, word, mark] = match;
    if (string !== undefined) tokens.push({ kind: 'string', text: string.replaceAll(/\\(.)/g, '$1') });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word });
    else if (mark !== undefined) tokens.push({ kind: 'mark', text: mark });
  }
  return tokens;
}
