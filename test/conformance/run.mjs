// `npm run conformance`: prints what command.mjs says, and ends with its exit code.

import { runConformance } from './command.mjs';

const { exitCode, output, errors } = await runConformance(process.argv.slice(2));
if (output !== '') console.log(output);
if (errors !== '') console.error(errors);
// Never process.exit(): it cuts off what a pipe has not taken yet.
process.exitCode = exitCode;
