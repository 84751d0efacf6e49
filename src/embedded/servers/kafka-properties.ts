import { HOST } from '../ports.js';

/** Configuration of the one broker: what differs from Kafka's defaults, and why. */
export function brokerProperties(logFolder: string, port: number, controllerPort: number): string {
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@${HOST}:${controllerPort}
controller.listener.names=CONTROLLER
# The only voter need not wait for others before it leads again.
controller.quorum.election.timeout.ms=100
controller.quorum.election.backoff.max.ms=100
controller.quorum.fetch.timeout.ms=500
# After a kill -9 the broker may register again only when its old session is over (by default 9 s).
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
listeners=PLAINTEXT://${HOST}:${port},CONTROLLER://${HOST}:${controllerPort}
advertised.listeners=PLAINTEXT://${HOST}:${port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=${logFolder}

# One broker holds everything.
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=1
share.coordinator.state.topic.num.partitions=1

# A mistyped topic is an error, not a new topic.
auto.create.topics.enable=false
# A group starts at once instead of waiting for members that do not come.
group.initial.rebalance.delay.ms=0
# Nothing is deleted by age or size: Penstock deletes what every group has read. Commits of an idle group stay too.
log.retention.ms=-1
log.retention.bytes=-1
offsets.retention.minutes=5256000
# Deleted records free the disk by whole segments.
log.segment.bytes=67108864

# Small and quiet: few threads, and no no-op record in the metadata log twice a second.
num.network.threads=2
num.io.threads=4
background.threads=2
num.recovery.threads.per.data.dir=2
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=16777216
metadata.max.idle.interval.ms=10000
`;
}

export function logProperties(): string {
  return `status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
`;
}
