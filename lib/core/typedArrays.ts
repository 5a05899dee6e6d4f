// What a typed array is, whatever properties of its own it has been given.

/** A getter of all typed arrays as a function. */
const getter = <R>(name: PropertyKey): ((array: unknown) => R) => {
  const { get } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype) as object, name)!;
  return Function.prototype.call.bind(get!) as (array: unknown) => R;
};

/** The name of a typed array's class; undefined of everything else. One call, where `constructor` is looked up anew for every class. */
export const tagOf = getter<string | undefined>(Symbol.toStringTag);

/** The elements of a typed array, 0 where its memory was taken away; TypeError of everything else. */
export const lengthOf = getter<number>('length');

/** Whether a value is a typed array of the class of this name, with so many elements. */
export const isTyped = (value: unknown, tag: string | undefined, length: number): boolean =>
  tagOf(value) === tag && lengthOf(value) === length;
