import { findChromiumBinary } from './chromium-binary.ts'
import { describeWhere } from './describe-where.ts'

/** For tests that need a browser; `CACHEWELL_REQUIRE_CHROMIUM=1` lets none be skipped. */
export function describeChromium(name: string, fn: () => void): void {
  const needed = {
    program: 'chromium',
    found: findChromiumBinary() !== undefined,
    required: 'CACHEWELL_REQUIRE_CHROMIUM',
    missing: 'no chromium on this machine; install it, or set CHROMIUM_BIN',
    tests: 'The tests in a browser',
  }
  describeWhere(needed, name, fn)
}
