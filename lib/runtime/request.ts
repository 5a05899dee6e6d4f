// A request of a session as its caller repeats it: fetches and feed keys understood once, then run by identity.
import type { Graph, Tensor } from '../core/graph.js';
import { NDArray } from '../core/ndarray.js';
import { copyOfData } from '../core/typedArrays.js';
import type { DirectRun } from './directRun.js';
import type { Fed } from './feeds.js';
import { FeedSlots } from './feeds.js';
import { type Fetch, FetchStructure } from './fetches.js';
import type { CachedRequest, PlanCache } from './planCache.js';

/** Fetches and feed keys that belong together. */
export class RunRequest {
  readonly structure: FetchStructure;
  readonly slots: FeedSlots;
  /** Fetched tensors that are not fed themselves. */
  readonly asked: readonly Tensor[];
  /** For each distinct fetch its place among `asked`, or the slot it is fed by as -1 - slot. */
  readonly #places: readonly number[];
  /** Whether no fetch is fed. */
  readonly direct: boolean;
  /** Whether every fetch is computed and every feed is a tensor of its own. */
  readonly #isPlain: boolean;
  #cached: CachedRequest | undefined;

  constructor(graph: Graph, fetches: Fetch, keys: readonly unknown[]) {
    this.structure = new FetchStructure(graph, fetches);
    this.slots = new FeedSlots(graph, keys);
    const asked: Tensor[] = [];
    this.#places = this.structure.tensors.map((tensor) => {
      const slot = this.slots.tensors.indexOf(tensor);
      return slot < 0 ? asked.push(tensor) - 1 : -1 - slot;
    });
    this.asked = asked;
    this.direct = asked.length === this.#places.length;
    this.#isPlain = this.direct && this.slots.tensors.length === keys.length;
  }

  matches(fetches: unknown, keys: readonly unknown[]): boolean {
    return this.slots.matches(keys) && this.structure.matches(fetches);
  }

  /** Whether there is anything to run: a fetch that is fed is its feed. */
  get runs(): boolean {
    return this.asked.length > 0 || this.structure.targets.length > 0;
  }

  /** The compiled request. Compiles where this is the first run. */
  cached(cache: PlanCache): CachedRequest {
    this.#cached ??= cache.request(this.asked, this.structure.targets, this.slots.tensors);
    return this.#cached;
  }

  /** The short way to run the last plan again, where these fetches and feeds have one. */
  directRun(cache: PlanCache): DirectRun | undefined {
    return this.#isPlain && this.#cached !== undefined ? cache.direct(this.#cached) : undefined;
  }

  /** Place of distinct fetch i among `asked`; negative where it is fed. */
  placeOf(i: number): number {
    return this.#places[i]!;
  }

  /** Results in the structure of the fetches. */
  build(results: readonly NDArray[], fed: Fed): unknown {
    if (this.direct) return this.structure.build(results);
    return this.structure.build(
      this.#places.map((place) => {
        if (place >= 0) return results[place]!;
        const slot = -1 - place;
        const data = copyOfData(fed.datas[slot]!);
        return new NDArray(this.slots.tensors[slot]!.dtype, [...fed.shapes[slot]!], data);
      }),
    );
  }
}

const KEPT = 16;

/** The requests a session used last, the latest first. */
export class RecentRequests {
  readonly #graph: Graph;
  readonly #recent: RunRequest[] = [];

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  find(fetches: Fetch, keys: readonly unknown[]): RunRequest {
    const recent = this.#recent;
    for (let i = 0; i < recent.length; i++) {
      const request = recent[i]!;
      if (!request.matches(fetches, keys)) continue;
      if (i > 0) {
        recent.copyWithin(1, 0, i);
        recent[0] = request;
      }
      return request;
    }
    const made = new RunRequest(this.#graph, fetches, keys);
    recent.unshift(made);
    if (recent.length > KEPT) recent.pop();
    return made;
  }
}
