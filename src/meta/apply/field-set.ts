// A set of field paths as a trie, in the very form metadata.managedFields has it (fieldsV1), so that nothing is converted on a write.
// A node without children is a member; a member with children holds "." beside them. Nodes are shared and never changed.
// The names stand in upstream's order, so that equal sets have equal bytes.

import { isJsonObject } from "#lib/own-field.ts";
import { FieldPathError, readElement, SELF, showElement, sortElements } from "./path-element.ts";

/** A set when it is the root, else the part of a set below one step. */
export interface FieldSet {
  readonly [element: string]: FieldSet;
}

type Building = Record<string, FieldSet>;

/** A field that is a member and has no members below it. As a root: the empty set. */
export const LEAF: FieldSet = Object.freeze({});
export const EMPTY: FieldSet = LEAF;

export function isEmpty(set: FieldSet): boolean {
  for (const _ in set) return false;
  return true;
}

/** Whether the field of this node itself is in the set. */
export function isMember(node: FieldSet): boolean {
  // "." is the first name if it is there at all.
  for (const element in node) return element === SELF;
  return true;
}

/** The node with its own field in the set; `undefined` is a node that has nothing yet. */
export function asMember(node: FieldSet | undefined): FieldSet {
  if (node === undefined) return LEAF;
  return isMember(node) ? node : { [SELF]: LEAF, ...node };
}

/** A node of these children; undefined if there is nothing in it. The elements must be distinct, in any order. */
export function nodeOf(children: readonly (readonly [string, FieldSet])[], member: boolean): FieldSet | undefined {
  if (children.length === 0) return member ? LEAF : undefined;
  const node: Building = {};
  if (member) node[SELF] = LEAF;
  if (children.length === 1) {
    for (const [element, child] of children) node[element] = child;
    return node;
  }
  const byElement = new Map(children);
  for (const element of sortElements([...byElement.keys()])) node[element] = byElement.get(element) ?? LEAF;
  return node;
}

/** Members of either set. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(a)) return b;
  return isEmpty(b) ? a : unionNodes(a, b);
}

function unionNodes(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a;
  let added = false;
  let changed: Building | undefined;
  for (const element in b) {
    if (element === SELF) continue;
    const theirs = b[element];
    const ours = a[element];
    if (theirs === undefined) continue;
    if (ours === undefined) {
      added = true;
      (changed ??= { ...a })[element] = theirs;
    } else {
      const both = unionNodes(ours, theirs);
      if (both !== ours) (changed ??= { ...a })[element] = both;
    }
  }
  const member = isMember(a) || isMember(b);
  if (!changed) return member ? asMember(a) : a;
  if (!added) return member ? asMember(changed) : changed;
  delete changed[SELF];
  return nodeOf(Object.entries(changed), member) ?? LEAF;
}

/** Members of `a` that are not members of `b`; members below those of `b` stay. `a` itself if that is all of them. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return differ(a, b, false) ?? EMPTY;
}

/** Members of `a` that neither are members of `b` nor lie below one. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  return isEmpty(b) ? a : (differ(a, b, true) ?? EMPTY);
}

function differ(a: FieldSet, b: FieldSet, below: boolean): FieldSet | undefined {
  const wasMember = isMember(a);
  const member = wasMember && !isMember(b);
  let kept: Building | undefined;
  let children = 0;
  let gone = false;
  for (const element in b) {
    const theirs = b[element];
    const ours = element === SELF ? undefined : a[element];
    if (ours === undefined || theirs === undefined) continue;
    const rest = below && isMember(theirs) ? undefined : differ(ours, theirs, below);
    if (rest === ours) continue;
    kept ??= { ...a };
    if (rest === undefined) {
      delete kept[element];
      gone = true;
    } else kept[element] = rest;
  }
  if (!kept && member === wasMember) return a;
  kept ??= { ...a };
  if (!member) delete kept[SELF];
  for (const element in kept) if (element !== SELF) children++;
  if (children === 0) return member ? LEAF : undefined;
  // Objects that names were deleted from are slow to walk.
  return gone || !member ? { ...kept } : kept;
}

/** Members of both sets. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return intersect(a, b) ?? EMPTY;
}

function intersect(a: FieldSet, b: FieldSet): FieldSet | undefined {
  if (a === b) return a;
  const member = isMember(a) && isMember(b);
  const shared: Building = {};
  if (member) shared[SELF] = LEAF;
  let children = 0;
  for (const element in a) {
    const ours = a[element];
    const theirs = element === SELF ? undefined : b[element];
    if (ours === undefined || theirs === undefined) continue;
    const both = intersect(ours, theirs);
    if (both === undefined) continue;
    shared[element] = both;
    children++;
  }
  if (children > 0) return shared;
  return member ? LEAF : undefined;
}

/** Whether every member of `a` is one of `b`. */
export function isSubset(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true;
  if (isMember(a) && !isMember(b)) return isEmpty(a) && isEmpty(b);
  for (const element in a) {
    if (element === SELF) continue;
    const ours = a[element];
    const theirs = b[element];
    if (ours !== undefined && (theirs === undefined || !isSubset(ours, theirs))) return false;
  }
  return true;
}

export function has(set: FieldSet, path: readonly string[]): boolean {
  let node: FieldSet | undefined = set;
  for (const element of path) node = node?.[element];
  return node !== undefined && path.length > 0 && isMember(node);
}

/** The set of one path of field names. */
export function setOfPath(path: readonly string[]): FieldSet {
  return path.reduceRight<FieldSet>((child, name) => ({ [`f:${name}`]: child }), LEAF);
}

/** The members in upstream's order, in which a conflict lists them: those of a level, then those below. */
export function pathsOf(set: FieldSet): string[][] {
  const paths: string[][] = [];
  const visit = (node: FieldSet, path: readonly string[]): void => {
    const elements = Object.keys(node).filter((element) => element !== SELF);
    for (const element of elements) if (isMember(node[element] ?? LEAF)) paths.push([...path, element]);
    for (const element of elements) visit(node[element] ?? LEAF, [...path, element]);
  };
  visit(set, []);
  return paths;
}

export function showPath(path: readonly string[]): string {
  return path.map(showElement).join("");
}

/** Reads fieldsV1; the value itself if it is in canonical form. Throws FieldPathError. Unknown sorts of steps are skipped. */
export function readFields(value: unknown): FieldSet {
  if (value === undefined || value === null) return EMPTY;
  const node = readNode(value);
  if (node === undefined) return EMPTY;
  if (!(SELF in node)) return node;
  // Nobody owns the object as a whole.
  const { [SELF]: _, ...fields } = node;
  return fields;
}

function readNode(value: unknown): FieldSet {
  if (!isJsonObject(value)) {
    // Upstream takes null for a node that is there.
    if (value === null) return LEAF;
    throw new FieldPathError("fieldsV1 must hold objects only");
  }
  let same = true;
  const children: [string, FieldSet][] = [];
  let previous = "";
  let member = true;
  let selfFirst = false;
  for (const text in value) {
    if (text === SELF) {
      selfFirst = children.length === 0;
      same &&= selfFirst && isJsonObject(value[text]) && isEmpty(value[text] as FieldSet); // an object
      continue;
    }
    const element = readElement(text);
    if (element === undefined) {
      same = false;
      continue;
    }
    const child = readNode(value[text]);
    if (element !== text || child !== value[text] || (previous !== "" && !inOrder(previous, element))) same = false;
    previous = element;
    children.push([element, child]);
  }
  member = children.length === 0 || SELF in value;
  if (same && (children.length > 0 || !(SELF in value))) return value as unknown as FieldSet; // checked above, all of it
  const merged = new Map<string, FieldSet>();
  for (const [element, child] of children) {
    const other = merged.get(element);
    merged.set(element, other === undefined ? child : unionNodes(other, child));
  }
  return nodeOf([...merged], member) ?? LEAF;
}

function inOrder(previous: string, element: string): boolean {
  if (previous.startsWith("f:")) return !element.startsWith("f:") || (previous < element && !/[\ud800-\uffff]/.test(element));
  const sorted = sortElements([previous, element]);
  return sorted[0] === previous;
}
