#!/usr/bin/env node
import { program } from './program.js';

// From 1.29 on ONNX Runtime reports to its maker, and reads once, when it is loaded, whether it may.
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';

await program().parseAsync(process.argv);
