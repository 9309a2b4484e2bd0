import { readFile } from 'node:fs/promises'

/**
 * One file of the `vega-datasets` package and the table it becomes.
 *
 * What the files hold (US domestic flights, as reported to the Bureau of Transportation Statistics):
 * - `flights-200k` has delay, distance and the time of day, and nothing else: no airport, no date;
 * - `flights-20k`, another sample of the same reports (January to March 2001), has origin, destination and date too;
 * - `flights-airport` has the number of flights per route over the year 2008;
 * - `airports` is the directory.
 * So questions about origins, pairs and days are asked of the 20k flights, and no column is made up for the 200k.
 */
export interface Dataset {
  readonly name: string
  readonly table: string
  /** The columns as SQL, in the order of the CSV. */
  readonly columns: string
  /** The rows as CSV without a header line, one string a row. */
  rows(): Promise<string[]>
}

export const datasets: readonly Dataset[] = [
  {
    name: 'flights-200k',
    table: 'flights_200k',
    columns: 'delay integer, distance integer, time float8',
    rows: () => rowsOfJson('flights-200k.json', ['delay', 'distance', 'time']),
  },
  {
    name: 'flights-20k',
    table: 'flights_20k',
    columns: 'date timestamp, delay integer, distance integer, origin text, destination text',
    rows: () => rowsOfJson('flights-20k.json', ['date', 'delay', 'distance', 'origin', 'destination']),
  },
  {
    name: 'flights-airport',
    table: 'routes_2008',
    columns: 'origin text, destination text, flights integer',
    rows: () => rowsOfCsv('flights-airport.csv'),
  },
  {
    name: 'airports',
    table: 'airports',
    columns: 'iata text, name text, city text, state text, country text, latitude float8, longitude float8',
    rows: () => rowsOfCsv('airports.csv'),
  },
]

/** Numbers, dates and airport codes: no value in these files needs quoting. */
async function rowsOfJson(file: string, fields: readonly string[]): Promise<string[]> {
  const rows = JSON.parse(await readData(file)) as Record<string, string | number>[]
  return rows.map((row) => fields.map((field) => row[field]).join(','))
}

/** Passed on as it is, quotes included: Postgres reads CSV itself. No value in these files spans lines. */
async function rowsOfCsv(file: string): Promise<string[]> {
  return (await readData(file)).trimEnd().split('\n').slice(1)
}

/** The package exports its entry module only, so its data is found from there. */
function readData(file: string): Promise<string> {
  return readFile(new URL(`../data/${file}`, import.meta.resolve('vega-datasets')), 'utf8')
}
