import kafkajs, { type Admin } from 'kafkajs';
import type { Logger } from '../telemetry/index.js';

/** With these the broker deletes nothing by itself. */
const KEPT: Readonly<Record<string, string>> = {
  'retention.ms': '-1',
  'retention.bytes': '-1',
  'cleanup.policy': 'delete',
};

/** The same, for a topic that is made. */
export const RETENTION_ENTRIES = Object.entries(KEPT).map(([name, value]) => ({ name, value }));

/** Not among the names that an import of the library sees. */
const TOPIC_RESOURCE = kafkajs.ConfigResourceTypes.TOPIC;
/** `configSource` of what was set on the topic itself. */
const SET_ON_TOPIC = 1;

/**
 * Puts Penstock's topics back whose settings, or those of the broker where they have none, would have it delete what
 * nobody has read; a broker that looks at age before this does has deleted it. What else is set on them stays. Returns
 * the topics that it found wrong, also where the broker does not let them be put back: then it says so in the log.
 * Topics of others are left alone. Throws when the broker does not tell.
 */
export async function keepRetention(admin: Admin, topics: readonly string[], log: Logger): Promise<string[]> {
  const own = topics.filter((topic) => topic.startsWith('penstock.'));
  if (own.length === 0) return [];
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: own.map((name) => ({ type: TOPIC_RESOURCE, name })),
  });
  const wrong: string[] = [];
  for (const { resourceName: topic, configEntries } of resources) {
    const settings = configEntries.filter(
      ({ configName, configValue }) => configValue !== (KEPT[configName] ?? configValue),
    );
    if (settings.length === 0) continue;
    wrong.push(topic);
    const found = Object.fromEntries(settings.map(({ configName, configValue }) => [configName, configValue]));
    // The request replaces all that is set on the topic.
    const others = configEntries.filter(
      ({ configName, configSource }) => (configSource as number) === SET_ON_TOPIC && !Object.hasOwn(KEPT, configName),
    );
    try {
      await admin.alterConfigs({
        validateOnly: false,
        resources: [
          {
            type: TOPIC_RESOURCE,
            name: topic,
            configEntries: [
              ...others.map(({ configName, configValue }) => ({ name: configName, value: configValue })),
              ...RETENTION_ENTRIES,
            ],
          },
        ],
      });
      log.warn({ topic, found }, 'the broker would have deleted what nobody has read: retention is put back');
    } catch (err) {
      log.error({ err, topic, found }, 'the broker deletes what nobody has read: retention can not be put back');
    }
  }
  return wrong;
}
