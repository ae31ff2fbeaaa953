/** Writes a zod schema down as members and types, one per line, so that a change of what is stored shows as a changed line. */
import type { z } from 'zod';

/** Schemas that are written down once and referred to by name. */
export type Named = ReadonlyMap<z.core.$ZodType, string>;

export function shapeOf(schema: z.core.$ZodType, named: Named = new Map(), indent = ''): string {
  const name = named.get(schema);
  if (name !== undefined) return name;
  const inner = (part: z.core.$ZodType, deeper = indent) => shapeOf(part, named, deeper);
  // zod's own list of what a definition may be; its base class does not narrow.
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'object': {
      const members = Object.entries(def.shape).map(([key, member]) => `${indent}  ${key}${isOptional(member) ? '?' : ''}: ${inner(member, `${indent}  `)}`);
      return members.length === 0 ? '{}' : `{\n${members.join('\n')}\n${indent}}`;
    }
    case 'array': {
      const element = inner(def.element);
      return element.includes(' | ') && !element.startsWith('{') ? `(${element})[]` : `${element}[]`;
    }
    case 'nullable':
      return `${inner(def.innerType)} | null`;
    case 'optional':
    case 'readonly':
      return inner(def.innerType);
    case 'default':
      return `${inner(def.innerType)} = ${JSON.stringify(def.defaultValue)}`;
    case 'enum':
      return Object.values(def.entries)
        .map((value) => JSON.stringify(value))
        .join(' | ');
    case 'literal':
      return def.values.map((value) => JSON.stringify(value)).join(' | ');
    case 'union':
      return def.options.map((option) => inner(option)).join(' | ');
    case 'record':
      return `{ [${inner(def.keyType)}]: ${inner(def.valueType)} }`;
    case 'tuple':
      return `[${def.items.map((item) => inner(item)).join(', ')}]`;
    default:
      return def.type;
  }
}

function isOptional(schema: z.core.$ZodType): boolean {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  return def.type === 'optional' || def.type === 'default';
}
