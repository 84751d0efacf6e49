import { z } from 'zod';
import { int, list } from './kinds.js';

/** What an ingester runs with, and what manifests may reach. */
export const ingesterVariables = {
  PENSTOCK_INGEST_SLOTS: int(4, 1, 100).describe('Steps of dataset runs that an ingester works on at once.'),
  PENSTOCK_INGEST_MEMORY_MB: int(512, 128, 65_536).describe(
    'Megabytes of memory for the rows that an ingester stages; above them they go to disk.',
  ),
  PENSTOCK_INGEST_DIR: z
    .string()
    .optional()
    .describe('Folder for what an ingester has in work. Default: one in the temporary folder of the machine.'),
  PENSTOCK_INGEST_ALLOW_PRIVATE: list('').describe(
    'Private addresses that manifests may name, separated by commas: hosts, host:port, or networks like 10.1.0.0/16. All other private, loopback and metadata addresses are refused.',
  ),
  PENSTOCK_SECRETS_DIR: z
    .string()
    .optional()
    .describe(
      'Folder with a file for each secret that manifests name, as Kubernetes and Docker mount them. Contents are never logged.',
    ),
};
