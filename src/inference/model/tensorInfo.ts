/** An input or output of an ONNX file; a dimension that varies is a name. No dimensions at all: they are not known. */
export interface TensorInfo {
  name: string;
  type: string;
  shape: readonly (number | string)[];
}
