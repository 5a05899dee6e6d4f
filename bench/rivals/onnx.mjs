// Writes ONNX models of a few nodes: as much of the protobuf format as that takes.

const varint = (value) => {
  const bytes = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return [...bytes, left];
    bytes.push((left % 128) + 128);
  }
};
const whole = (field, value) => [...varint(field * 8), ...varint(value)];
const bytes = (field, content) => {
  const body = typeof content === 'string' ? [...Buffer.from(content)] : content;
  return [...varint(field * 8 + 2), ...varint(body.length), ...body];
};

const FLOAT = 1;
const INT = 2;
const INTS = 7;

/** AttributeProto: whole numbers and lists of them. */
const attribute = ([name, value]) =>
  Array.isArray(value)
    ? [...bytes(1, name), ...value.flatMap((one) => whole(8, one)), ...whole(20, INTS)]
    : [...bytes(1, name), ...whole(3, value), ...whole(20, INT)];

/** NodeProto. */
const node = ({ op, inputs, output, attributes = {} }) => [
  ...inputs.flatMap((name) => bytes(1, name)),
  ...bytes(2, output),
  ...bytes(4, op),
  ...Object.entries(attributes).flatMap((one) => bytes(5, attribute(one))),
];

/** ValueInfoProto of a float tensor (or of one whose type the nodes decide). */
const value = ({ name, shape, type = FLOAT }) => {
  const dims = shape.flatMap((dim) => bytes(1, whole(1, dim)));
  return [...bytes(1, name), ...bytes(2, bytes(1, [...whole(1, type), ...bytes(2, dims)]))];
};

/** A one-element float constant, as TensorProto. */
const constant = ([name, number]) => [
  ...whole(2, FLOAT),
  ...bytes(8, name),
  ...bytes(9, [...new Uint8Array(Float32Array.of(number).buffer)]),
];

const OPSET = 17;
const IR = 8;

/** ONNX's number of int64. */
export const INT64 = 7;

/** The bytes of a model: nodes { op, inputs, output, attributes }, inputs and the output { name, shape }, constants by name. */
export const onnxModel = ({ nodes, inputs, output, constants = {} }) => {
  const graph = [
    ...nodes.flatMap((one) => bytes(1, node(one))),
    ...bytes(2, 'row'),
    ...Object.entries(constants).flatMap((one) => bytes(5, constant(one))),
    ...inputs.flatMap((one) => bytes(11, value(one))),
    ...bytes(12, value(output)),
  ];
  return Uint8Array.from([...whole(1, IR), ...bytes(7, graph), ...bytes(8, [...bytes(1, ''), ...whole(2, OPSET)])]);
};
