/** What routing looks at. */
export interface RoutedObject {
  bucket: string;
  object: string;
  /** Custom metadata of the object. */
  metadata: Readonly<Record<string, unknown>>;
}

/** Where an image goes: the lane (a topic of its own) and the name of the model that detects it. */
export interface Route {
  lane: string;
  model: string;
  /** Milliseconds after its upload at which its result comes too late. Without it there is no deadline. */
  deadlineMs?: number;
}

/** Undefined: nothing wants the object. It is acknowledged and counted, and goes nowhere. */
export type Router = (object: RoutedObject) => Route | undefined;

/** The routes as they are now. A file that changes is read again. */
export interface Routing {
  route: Router;
  /** Names of the models that something is routed to. */
  models(): string[];
  /** Buckets that the routes name; none without a file. */
  buckets(): string[];
  /** Name of a model to the hash of its active version, where the routes name one. */
  pins(): ReadonlyMap<string, string>;
  /** Stops watching the file. */
  close(): void;
}
