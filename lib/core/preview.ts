// Values in messages: what a caller gave, in as few characters as tell it, however large it is.

/** Characters of a value that a message shows. */
const MOST = 200;

/**
 * A value as it is written in Python or JavaScript, cut after `most` characters: what is left of it is not looked at, so that a wrong
 * argument of a million elements costs no more than one of ten.
 */
export const preview = (value: unknown, most = MOST): string => {
  return cut(new Writer(most).write(value), most);
};

/** A text, cut after so many characters. */
export const cut = (text: string, most = MOST): string => (text.length > most ? `${text.slice(0, most - 3)}...` : text);

class Writer {
  #text = '';
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  write(value: unknown): string {
    this.#add(value, 0);
    return this.#text;
  }

  #add(value: unknown, depth: number): void {
    if (typeof value === 'string') {
      this.#text += `'${value.slice(0, this.#most)}'`;
      return;
    }
    if (depth < 32 && (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView)))) {
      this.#addList(value as ArrayLike<unknown>, depth);
      return;
    }
    try {
      this.#text += String(value);
    } catch {
      this.#text += Object.prototype.toString.call(value);
    }
  }

  #addList(list: ArrayLike<unknown>, depth: number): void {
    this.#text += '[';
    for (let i = 0; i < list.length && this.#text.length <= this.#most; i++) {
      if (i > 0) this.#text += ', ';
      this.#add(list[i], depth + 1);
    }
    this.#text += ']';
  }
}
