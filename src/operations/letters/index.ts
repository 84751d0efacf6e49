export { chosenLetters, type Choice } from './chosen.js';
export { discardLetters, type Decider, type DecisionOptions } from './discard.js';
export { cursorOf, isLetterKind, kindOf, LETTER_SOURCES, placeOf, readCursor, type LetterKind } from './kinds.js';
export { replayLetters, type ReplayOptions } from './replay.js';
export { decisionReport, isWhole, type DecisionReport, type LetterOutcome } from './report.js';
