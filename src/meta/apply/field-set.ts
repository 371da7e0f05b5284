// A set of field paths as a trie, in the very form metadata.managedFields has it (fieldsV1), so that nothing is converted on a write.
// A node without children is a member; a member with children holds "." beside them. Nodes are shared and never changed.
// The names stand in upstream's order, so that equal sets have equal bytes.

import { isJsonObject } from "#lib/own-field.ts";
import { compareElements, FieldPathError, readElement, SELF, showElement } from "./path-element.ts";

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

/** Children of a node that is being made. */
export type Children = [element: string, node: FieldSet][];

/**
 * A node of these children; undefined if there is nothing in it. The elements must be distinct, in any order; the list is used up.
 * `like` itself if it is the same node: what is as before need neither be sorted nor made.
 */
export function nodeOf(children: Children, member: boolean, like?: FieldSet): FieldSet | undefined {
  const count = children.length;
  if (count === 0) return member ? LEAF : undefined;
  if (like !== undefined && hasChildren(like, children, member)) return like;
  for (let index = 1; index < count; index++) {
    const before = children[index - 1];
    const after = children[index];
    if (before && after && compareElements(before[0], after[0]) > 0) {
      children.sort(([a], [b]) => compareElements(a, b));
      break;
    }
  }
  const node: Building = {};
  if (member) node[SELF] = LEAF;
  for (const [element, child] of children) node[element] = child;
  return node;
}

/** Whether the node has these very children and no others. */
function hasChildren(node: FieldSet, children: Children, member: boolean): boolean {
  if (isMember(node) !== member) return false;
  for (const [element, child] of children) if (node[element] !== child) return false;
  let left = children.length + (member ? 1 : 0);
  for (const _ in node) left--;
  return left === 0;
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
  return isEmpty(a) || isPart(a, b);
}

function isPart(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true;
  if (isMember(a) && !isMember(b)) return false;
  for (const element in a) {
    if (element === SELF) continue;
    const ours = a[element];
    const theirs = b[element];
    if (ours !== undefined && (theirs === undefined || !isPart(ours, theirs))) return false;
  }
  return true;
}

/**
 * Members that lie on the way to one of these paths, at its end or below it. Steps are field names; `*` stands for any step.
 * What is on the way counts because the writer must have made it.
 */
export function included(set: FieldSet, paths: readonly (readonly string[])[]): FieldSet {
  const node: Building = {};
  for (const element in set) {
    const child = set[element];
    if (child === undefined) continue;
    if (element === SELF) {
      node[SELF] = LEAF;
      continue;
    }
    const rests = paths.filter(([step]) => step === "*" || `f:${step}` === element).map((path) => path.slice(1));
    if (rests.length === 0) continue;
    const kept = rests.some((rest) => rest.length === 0) ? child : isEmpty(child) ? LEAF : included(child, rests);
    if (kept === child || !isEmpty(kept)) node[element] = kept;
  }
  return node;
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
  const node = isCanonical(value) ? value : readNode(value);
  if (!(SELF in node)) return node;
  // Nobody owns the object as a whole.
  const { [SELF]: _, ...fields } = node;
  return fields;
}

/** Whether the trie is as this folder would write it. Nearly all are, and need not be made anew. */
function isCanonical(value: unknown): value is FieldSet {
  if (!isJsonObject(value)) return false;
  let previous = "";
  let children = 0;
  let self = false;
  for (const text in value) {
    if (text === SELF) {
      const own = value[text];
      if (children > 0 || !isJsonObject(own) || Object.keys(own).length > 0) return false;
      self = true;
      continue;
    }
    if (readElement(text) !== text || (children > 0 && compareElements(previous, text) >= 0) || !isCanonical(value[text])) return false;
    previous = text;
    children++;
  }
  return children > 0 || !self;
}

function readNode(value: unknown): FieldSet {
  if (!isJsonObject(value)) {
    // Upstream takes null for a node that is there.
    if (value === null) return LEAF;
    throw new FieldPathError("fieldsV1 must hold objects only");
  }
  const children = new Map<string, FieldSet>();
  for (const text in value) {
    const element = text === SELF ? undefined : readElement(text);
    if (element === undefined) continue;
    const other = children.get(element);
    const child = readNode(value[text]);
    children.set(element, other === undefined ? child : unionNodes(other, child));
  }
  return nodeOf([...children], children.size === 0 || SELF in value) ?? LEAF;
}
