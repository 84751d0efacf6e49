export * from './box.js';
export * from './image.js';
export * from './reasons.js';
export * from './messages.js';
export * from './batch.js';
export * from './topics.js';
export * from './activities.js';
