export { ProposalError } from './errors.js';
export type { FormatType } from './format.js';
export type { ColumnProposal, LayoutProposal, Proposal } from './proposal.js';
export { MOST_SAMPLE_ROWS, proposeManifest, type ProposalRequest } from './propose.js';
export type { WantedSource } from './source.js';
