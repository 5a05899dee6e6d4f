// idioms: what TensorFlow writes with comparisons, in the words that the tape interpreter has loops for. The sigmoid cross-entropy of
// logits picks -|x| and max(x, 0) by `x >= 0` (python/ops/nn_impl.py); only where what follows cannot tell -0 from 0 is that the same.
import { LIMITS } from './fuse.js';
import { type Instruction, mayRefuse, type PlanValue, type Step, type StepProgram, type TapeCode } from './steps.js';
import { partOf } from './tape.js';

/** The same program with such tapes in other words. */
export const idioms = (program: StepProgram): StepProgram => {
  let changed = false;
  const steps = program.steps.map((step) => {
    const code = step.kernel === 'Fused' && step.tape !== undefined ? new Rewriting(step, step.tape).code() : undefined;
    if (code === undefined) return step;
    changed = true;
    // Other steps know this one: it stays the same object.
    return Object.assign(step, code);
  });
  return changed ? { ...program, steps } : program;
};

interface Code {
  readonly inputs: PlanValue[];
  readonly tape: TapeCode;
}

/** One tape on its way into other words. Operands are those of the old tape, or positions in the new one as ~position. */
class Rewriting {
  readonly #step: Step;
  readonly #tape: TapeCode;
  readonly #uses: number[];
  readonly #made: Instruction[] = [];
  /** Where an old instruction's result is in the new tape. */
  readonly #place: number[] = [];

  constructor(step: Step, tape: TapeCode) {
    this.#step = step;
    this.#tape = tape;
    this.#uses = new Array<number>(step.inputs.length + tape.instructions.length).fill(0);
    for (const { args } of tape.instructions) for (const arg of args) this.#uses[arg]!++;
    for (const output of tape.outputs) this.#uses[output]!++;
  }

  /** The new code; undefined where there is nothing to say in other words. */
  code(): Code | undefined {
    const { instructions } = this.#tape;
    if (!instructions.some(({ functor }) => functor === 'Select')) return undefined;
    let changed = false;
    for (const instruction of instructions) {
      const replaced = this.#exponential(instruction) ?? this.#crossEntropy(instruction);
      changed ||= replaced !== undefined;
      this.#place.push(
        this.#make(replaced ?? { ...instruction, args: instruction.args.map((arg) => this.#moved(arg)) }),
      );
    }
    return changed && this.#made.length <= LIMITS.instructions ? this.#cleaned() : undefined;
  }

  /** exp(x >= 0 ? -x : x) is exp(-|x|). */
  #exponential(instruction: Instruction): Instruction | undefined {
    const x = instruction.functor === 'Exp' ? this.#lessThanZero(instruction.args[0]!) : undefined;
    if (x === undefined) return undefined;
    const abs = this.#make({ ...instruction, functor: 'Abs', args: [this.#moved(x)] });
    const neg = this.#make({ ...instruction, functor: 'Neg', args: [~abs] });
    return { ...instruction, args: [~neg] };
  }

  /** (x >= 0 ? x : 0) - x z + log1p(exp(-|x|)) is relu(x) - x z + ...: the logarithm is 0 at least, and +0 added to 0 of any sign is +0. */
  #crossEntropy(instruction: Instruction): Instruction | undefined {
    if (instruction.functor !== 'Add' && instruction.functor !== 'AddV2') return undefined;
    for (const at of [0, 1]) {
      const [arg, other] = [instruction.args[at]!, instruction.args[1 - at]!];
      const difference = this.#at(arg, 'Sub');
      if (difference === undefined || this.#uses[arg] !== 1) continue;
      const x = this.#notBelowZero(difference.args[0]!);
      const power = this.#at(this.#at(other, 'Log1p')?.args[0] ?? -1, 'Exp');
      const isOfX = x !== undefined && power !== undefined && this.#lessThanZero(power.args[0]!) === x;
      if (!isOfX || this.#at(difference.args[1]!, 'Mul')?.args.includes(x) !== true) continue;
      const relu = this.#make({ ...difference, functor: 'Relu', args: [this.#moved(x)] });
      const sub = this.#make({ ...difference, args: [~relu, this.#moved(difference.args[1]!)] });
      return { ...instruction, args: at === 0 ? [~sub, this.#moved(other)] : [this.#moved(other), ~sub] };
    }
    return undefined;
  }

  /** x, of x >= 0 ? -x : x. */
  #lessThanZero(arg: number): number | undefined {
    const select = this.#at(arg, 'Select');
    const x = select === undefined ? undefined : this.#comparedWithZero(select.args[0]!);
    return x !== undefined && select!.args[2] === x && this.#at(select!.args[1]!, 'Neg')?.args[0] === x ? x : undefined;
  }
  /** x, of x >= 0 ? x : 0. */
  #notBelowZero(arg: number): number | undefined {
    const select = this.#at(arg, 'Select');
    const x = select === undefined ? undefined : this.#comparedWithZero(select.args[0]!);
    return x !== undefined && select!.args[1] === x && this.#isZero(select!.args[2]!) ? x : undefined;
  }
  #comparedWithZero(arg: number): number | undefined {
    const compared = this.#at(arg, 'GreaterEqual');
    return compared?.operand.isFloating === true && this.#isZero(compared.args[1]!) ? compared.args[0] : undefined;
  }
  #isZero(arg: number): boolean {
    const storage = this.#step.inputs[arg]?.storage;
    return storage?.kind === 'constant' && storage.array.size === 1 && storage.array.data[0] === 0;
  }
  /** The instruction that makes an operand, where it is of this functor. */
  #at(arg: number, functor: string): Instruction | undefined {
    const made = this.#tape.instructions[arg - this.#step.inputs.length];
    return made?.functor === functor ? made : undefined;
  }

  #moved(arg: number): number {
    return arg < this.#step.inputs.length ? arg : ~this.#place[arg - this.#step.inputs.length]!;
  }
  #make(instruction: Instruction): number {
    return this.#made.push(instruction) - 1;
  }

  /** Without the instructions and inputs that nothing reads any more, but with every check of operands. */
  #cleaned(): Code {
    const { inputs } = this.#step;
    const operand = (at: number): number => (at < 0 ? inputs.length + ~at : at);
    const made = this.#made.map((one) => ({ ...one, args: one.args.map(operand) }));
    const stored = this.#tape.outputs.map((output) => operand(this.#moved(output)));
    const checks = made.flatMap((one, i) => (mayRefuse(one) ? [inputs.length + i] : []));
    const part = partOf(inputs, made, [...stored, ...checks]);
    const outputs = part.outputs.slice(0, stored.length);
    return { inputs: part.inputs, tape: { ...this.#tape, instructions: part.instructions, outputs } };
  }
}
