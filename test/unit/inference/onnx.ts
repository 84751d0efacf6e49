/**
 * Writes small ONNX files, so that tests know what a model computes. Only the fields that ONNX Runtime needs, by their
 * numbers in https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */

/** Numbers of `TensorProto.DataType`. */
const ELEMENT_TYPES = { float32: 1, uint8: 2, int32: 6, int64: 7, float16: 10 } as const;
export type ElementType = keyof typeof ELEMENT_TYPES;

/** A name is a dimension that varies; a whole shape that is undefined leaves even their number open. */
export type Shape = readonly (number | string)[];

export class Graph {
  readonly #nodes: Uint8Array[] = [];
  readonly #constants: Uint8Array[] = [];
  readonly #inputs: Uint8Array[] = [];
  readonly #outputs: Uint8Array[] = [];
  #names = 0;

  input(name: string, type: ElementType, shape: Shape): string {
    this.#inputs.push(valueInfo(name, type, shape));
    return name;
  }

  /** A tensor of the graph under the name of an output. */
  output(name: string, type: ElementType, shape: Shape | undefined, value: string): void {
    this.#nodes.push(node('Identity', [value], name, {}));
    this.#outputs.push(valueInfo(name, type, shape));
  }

  constant(shape: readonly number[], values: readonly number[], type: 'float32' | 'int64' = 'float32'): string {
    const name = this.#name();
    const raw = type === 'float32' ? Float32Array.from(values) : BigInt64Array.from(values, BigInt);
    this.#constants.push(
      message([
        ...shape.map((dim) => varint(1, dim)),
        varint(2, ELEMENT_TYPES[type]),
        bytes(8, name),
        bytes(9, new Uint8Array(raw.buffer)),
      ]),
    );
    return name;
  }

  /** A node with one result, whose name is returned. Attributes are whole numbers, or lists of them. */
  node(operator: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const name = this.#name();
    this.#nodes.push(node(operator, inputs, name, attributes));
    return name;
  }

  cast(value: string, to: ElementType): string {
    return this.node('Cast', [value], { to: ELEMENT_TYPES[to] });
  }

  /** The bytes of the file. */
  toFile(): Uint8Array {
    const graph = message([
      ...this.#nodes.map((one) => bytes(1, one)),
      bytes(2, 'test'),
      ...this.#constants.map((one) => bytes(5, one)),
      ...this.#inputs.map((one) => bytes(11, one)),
      ...this.#outputs.map((one) => bytes(12, one)),
    ]);
    // Version 8 of the format, operators as of version 13.
    return message([varint(1, 8), bytes(7, graph), bytes(8, message([bytes(1, ''), varint(2, 13)]))]);
  }

  #name(): string {
    return `value${this.#names++}`;
  }
}

type Attributes = Record<string, number | readonly number[]>;

function node(operator: string, inputs: readonly string[], output: string, attributes: Attributes): Uint8Array {
  return message([
    ...inputs.map((name) => bytes(1, name)),
    bytes(2, output),
    bytes(4, operator),
    ...Object.entries(attributes).map(([name, value]) => bytes(5, attribute(name, value))),
  ]);
}

function attribute(name: string, value: number | readonly number[]): Uint8Array {
  return typeof value === 'number'
    ? message([bytes(1, name), varint(3, value), varint(20, 2)])
    : message([bytes(1, name), ...value.map((one) => varint(8, one)), varint(20, 7)]);
}

function valueInfo(name: string, type: ElementType, shape: Shape | undefined): Uint8Array {
  const dims = shape?.map((dim) => bytes(1, message([typeof dim === 'number' ? varint(1, dim) : bytes(2, dim)])));
  const tensor = message([varint(1, ELEMENT_TYPES[type]), ...(dims ? [bytes(2, message(dims))] : [])]);
  return message([bytes(1, name), bytes(2, message([bytes(1, tensor)]))]);
}

// Protocol buffers: https://protobuf.dev/programming-guides/encoding/

function message(fields: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(fields);
}

function varint(field: number, value: number): Uint8Array {
  return Buffer.from([...digits(field << 3), ...digits(value)]);
}

/** Length, then the bytes: of text, of a message, of numbers. */
function bytes(field: number, value: string | Uint8Array): Uint8Array {
  const content = Buffer.from(value);
  return Buffer.concat([Buffer.from([...digits((field << 3) | 2), ...digits(content.length)]), content]);
}

/** Seven bits a byte, lowest first; the eighth says that more follow. */
function digits(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...digits(value >>> 7)];
}
