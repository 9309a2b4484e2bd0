import type { FlightStatistics } from './flight-statistics.ts'

/** One cached call, as the table shows it. */
export interface Question {
  readonly call: string
  /** The data that the query reads: not every file has every column. */
  readonly reads: string
  ask(statistics: FlightStatistics): Promise<unknown>
}

export const questions: readonly Question[] = [
  { call: 'overview()', reads: '200k', ask: (s) => s.overview() },
  { call: 'delaysByHour()', reads: '200k', ask: (s) => s.delaysByHour() },
  { call: 'delaysByDistance()', reads: '200k', ask: (s) => s.delaysByDistance() },
  { call: 'delayDistribution()', reads: '200k', ask: (s) => s.delayDistribution() },
  { call: 'delayPercentiles()', reads: '200k', ask: (s) => s.delayPercentiles() },
  { call: 'delayTrendOverDay()', reads: '200k', ask: (s) => s.delayTrendOverDay() },
  { call: "originSummary('ATL')", reads: '20k', ask: (s) => s.originSummary('ATL') },
  { call: "originSummary('ORD')", reads: '20k', ask: (s) => s.originSummary('ORD') },
  { call: 'busiestOrigins(10)', reads: '20k', ask: (s) => s.busiestOrigins(10) },
  { call: 'busiestPairs(10)', reads: '20k', ask: (s) => s.busiestPairs(10) },
  { call: 'delaysByDay()', reads: '20k', ask: (s) => s.delaysByDay() },
  { call: 'weeklyTrend()', reads: '20k', ask: (s) => s.weeklyTrend() },
  { call: 'busiestAirports2008(10)', reads: 'airports', ask: (s) => s.busiestAirports2008(10) },
  { call: 'airportsByState()', reads: 'airports', ask: (s) => s.airportsByState() },
]
