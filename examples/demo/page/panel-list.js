import { formatCount, formatPercent } from './elements.js'

// What becomes of the answers: each panel shows that of one call, as a chart or as a few figures.

const minutes = (value) => `${value.toFixed(1)} min`
const hour = (value) => `${Math.floor(value)}:${String((value % 1) * 60).padStart(2, '0')}`
const date = (iso) => new Date(iso).toLocaleDateString('en-US', { month: 'short', day: 'numeric', timeZone: 'UTC' })

const airport = ({ flights, destinations, meanDelay }) => [
  ['Flights', formatCount(flights)],
  ['Destinations', formatCount(destinations)],
  ['Mean delay', minutes(meanDelay)],
]

export const panels = [
  {
    call: 'delaysByDay()',
    section: 'network',
    title: 'Mean delay by day',
    width: 'full',
    chart: (days) => ({
      labels: days.map(({ day }) => date(day)),
      left: 'minutes',
      series: [{ label: 'mean delay', as: 'line', color: 'first', data: days.map(({ meanDelay }) => meanDelay) }],
    }),
  },
  { call: "originSummary('ATL')", section: 'network', width: 'half', title: 'Out of Atlanta (ATL)', figures: airport },
  { call: "originSummary('ORD')", section: 'network', width: 'half', title: 'Out of Chicago (ORD)', figures: airport },
  {
    call: 'weeklyTrend()',
    section: 'network',
    width: 'third',
    title: 'Mean delay by week',
    chart: (weeks) => ({
      labels: weeks.map(({ week }) => date(week)),
      ticks: 7,
      left: 'minutes',
      series: [{ label: 'mean delay', color: 'first', data: weeks.map(({ meanDelay }) => meanDelay) }],
    }),
  },
  {
    call: 'busiestOrigins(10)',
    section: 'network',
    width: 'third',
    title: 'Late flights of the busiest origins',
    chart: (origins) => ({
      labels: origins.map(({ origin, city }) => `${city} ${origin}`),
      lying: true,
      bottom: '% more than 15 minutes late',
      series: [{ label: '% late', color: 'first', data: origins.map(({ lateShare }) => 100 * lateShare) }],
    }),
  },
  {
    call: 'busiestPairs(10)',
    section: 'network',
    width: 'third',
    title: 'Mean delay of the busiest pairs',
    chart: (pairs) => ({
      labels: pairs.map(({ one, other }) => `${one} – ${other}`),
      lying: true,
      bottom: 'minutes, both directions',
      series: [{ label: 'mean delay', color: 'first', data: pairs.map(({ meanDelay }) => meanDelay) }],
    }),
  },
  {
    call: 'overview()',
    section: 'punctuality',
    title: 'All flights',
    width: 'full',
    figures: ({ flights, meanDelay, lateShare, miles }) => [
      ['Flights', formatCount(flights)],
      ['Mean delay', minutes(meanDelay)],
      ['More than 15 min late', formatPercent(lateShare)],
      ['Million miles flown', formatCount(Math.round(miles / 1e6))],
    ],
  },
  {
    call: 'delaysByHour()',
    section: 'punctuality',
    width: 'half',
    title: 'Delay and traffic by hour',
    chart: (hours) => ({
      labels: hours.map(({ hour }) => `${hour}`),
      bottom: 'hour of day',
      left: 'minutes',
      right: 'flights',
      series: [
        { label: 'mean delay', as: 'line', color: 'first', data: hours.map(({ meanDelay }) => meanDelay) },
        { label: 'flights', color: 'muted', right: true, data: hours.map(({ flights }) => flights) },
      ],
    }),
  },
  {
    call: 'delayTrendOverDay()',
    section: 'punctuality',
    width: 'half',
    title: 'Mean delay through the day',
    chart: (quarters) => ({
      labels: quarters.map((quarter) => hour(quarter.hour)),
      ticks: 7,
      bottom: 'time of day; each point is the hour up to it',
      left: 'minutes',
      series: [{ label: 'mean delay', as: 'line', color: 'first', data: quarters.map(({ meanDelay }) => meanDelay) }],
    }),
  },
  {
    call: 'delayPercentiles()',
    section: 'punctuality',
    width: 'third',
    title: 'Percentiles by quarter of the day',
    chart: (quarters) => ({
      labels: quarters.map(({ fromHour }) => `${fromHour} to ${fromHour + 6} h`),
      left: 'minutes',
      series: ['10th', '50th', '90th', '99th'].map((label, i) => ({
        ...{ label, color: ['muted', 'third', 'first', 'second'][i] },
        data: quarters.map(({ percentiles }) => percentiles[i]),
      })),
    }),
  },
  {
    call: 'delayDistribution()',
    section: 'punctuality',
    width: 'third',
    title: 'Flights by delay',
    chart: (steps) => ({
      labels: steps.map(({ fromMinutes }) => `${fromMinutes}`),
      ticks: 8,
      bottom: 'minutes late; the last step is 180 and more',
      left: 'flights',
      right: '% up to here',
      series: [
        { label: 'flights', color: 'muted', data: steps.map(({ flights }) => flights) },
        {
          ...{ label: '% up to here', as: 'line', color: 'first', right: true },
          data: steps.map(({ percentUpToHere }) => percentUpToHere),
        },
      ],
    }),
  },
  {
    call: 'delaysByDistance()',
    section: 'punctuality',
    width: 'third',
    title: 'Delay by distance',
    chart: (steps) => ({
      labels: steps.map(({ fromMiles }) => formatCount(fromMiles)),
      ticks: 7,
      bottom: 'miles, in steps of 250',
      left: 'minutes',
      series: [
        { label: 'mean', as: 'line', color: 'first', data: steps.map(({ meanDelay }) => meanDelay) },
        { label: 'median', as: 'line', color: 'third', data: steps.map(({ medianDelay }) => medianDelay) },
      ],
    }),
  },
  {
    call: 'busiestAirports2008(10)',
    section: 'airports',
    width: 'half',
    title: 'Departures in 2008',
    chart: (airports) => ({
      labels: airports.map(({ iata }) => iata),
      lying: true,
      bottom: 'departures',
      series: [{ label: 'departures', color: 'first', data: airports.map(({ departures }) => departures) }],
    }),
  },
  {
    call: 'airportsByState()',
    section: 'airports',
    width: 'half',
    title: 'Airports of the 20 states with most',
    chart: (states) => ({
      labels: states.slice(0, 20).map(({ state }) => state ?? 'none'),
      ticks: 20,
      left: 'airports',
      series: [{ label: 'airports', color: 'first', data: states.slice(0, 20).map(({ airports }) => airports) }],
    }),
  },
]
