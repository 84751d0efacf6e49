import type { Reporter, TestModule } from 'vitest/node';

/** Names, at the end of a run, the tests that passed only when they were run once more. */
export default class SecondTries implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) =>
      [...module.children.allTests()].filter((test) => test.diagnostic()?.flaky === true),
    );
    if (tests.length === 0) return;
    console.log('\nPassed only at the second try, which is a fault to look into:');
    for (const { module, fullName } of tests) console.log(`  ${module.relativeModuleId}: ${fullName}`);
  }
}
