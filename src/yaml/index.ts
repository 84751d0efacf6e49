export { YamlError, YamlFileError, type YamlProblem } from './errors.js';
export { MAX_FILE_BYTES, readYamlFile } from './file.js';
export { YamlSource } from './source.js';
