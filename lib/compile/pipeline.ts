// pipeline: the passes in order. What needs no shapes runs once per (fetches, feeds); the rest once per new shapes.
import { ValueError } from '../core/errors.js';
import { cse } from './cse.js';
import { hostPositions } from './facts.js';
import { fold } from './fold.js';
import { place } from './place.js';
import { isVariableRef, type Node, type Program } from './program.js';
import { prune } from './prune.js';
import { simplify } from './simplify.js';
import { firstStage, type Symbolic } from './specialize.js';
import type { CompileOptions, Prepared, Request } from './stage.js';
import { Versions } from './versions.js';

/**
 * Runs the passes that need no shapes.
 *
 * @throws InvalidArgumentError where a needed placeholder is not fed or a device does not exist.
 */
export const prepare = (request: Request, options: CompileOptions = {}): Prepared => {
  for (const tensor of [...request.fetches, ...request.feeds, ...request.targets.flatMap((op) => op.outputs)]) {
    if (tensor.graph !== request.graph) throw new ValueError(`Tensor ${tensor} is not an element of this graph.`);
  }
  let program = place(prune(request), options.allowSoftPlacement ?? false, options.devices);
  const operations = program.nodes.flatMap(({ op, row }) => (row === undefined ? [] : [op]));
  const { evaluate } = options;
  if (options.fold !== false && evaluate !== undefined) {
    program = fold(program, (constants) => evaluate(firstStage(symbolicOf(constants, options), [], new Map())));
  }
  if (options.simplify !== false) program = simplify(program, options.deviceKernels !== undefined);
  if (options.cse !== false) program = cse(program);
  const valueFeeds = feedsThatReachShapes(program);
  const symbolic = symbolicOf(program, options);
  return {
    request,
    operations,
    valueFeeds: [...valueFeeds].sort((a, b) => a - b),
    variables: program.nodes
      .filter((node) => node.row?.lower === 'source' && isVariableRef({ node, output: 0 }))
      .map((node) => node.op.id),
    specialize: (feeds, variableShapes) => firstStage(symbolic, feeds, variableShapes),
  };
};

const symbolicOf = (program: Program, options: CompileOptions): Symbolic => ({
  program,
  versions: new Versions(program),
  options,
});

/** Feeds whose values (not only shapes) decide a shape, an axis or another host input: backward from those inputs through host arithmetic. */
const feedsThatReachShapes = (program: Program): Set<number> => {
  const feeds = new Set<number>();
  const seen = new Set<Node>();
  const stack: Node[] = [];
  for (const node of program.nodes) for (const i of hostPositions(node)) stack.push(node.inputs[i]!.node);
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (seen.has(node)) continue;
    seen.add(node);
    if (node.row === undefined) feeds.add(node.feed);
    else if (node.row.host !== undefined && node.row.hostFromShapes !== true)
      for (const input of node.inputs) stack.push(input.node);
  }
  return feeds;
};
