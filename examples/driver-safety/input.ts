import type { Driver, Incident } from './records.ts'

/** What a client has sent makes no sense. */
export class BadRequest extends Error {}

/** What cannot be is refused here, before it becomes a key: nobody fills the cache with answers to nonsense. */
export function integer(value: unknown, least: number, most: number, name: string): number {
  const number = Number(value)
  if (Number.isInteger(number) && number >= least && number <= most) return number
  throw new BadRequest(`${name} is a whole number from ${least} to ${most}`)
}

export function word(value: unknown, form: RegExp, name: string): string {
  if (typeof value === 'string' && form.test(value)) return value
  throw new BadRequest(`${name} does not look like one`)
}

export const idFrom = (value: unknown) => integer(value, 1, 1_000_000_000, 'an id')
export const severityFrom = (value: unknown) => integer(value, 1, 3, 'severity')
export const depotFrom = (value: unknown) => word(value, /^[a-z]{1,20}$/, 'depot')
export const monthFrom = (value: unknown) => word(value, /^\d{4}-(0[1-9]|1[0-2])$/, 'month')

export function driverFrom(body: unknown): Omit<Driver, 'id'> {
  const { badge, depot } = Object(body)
  return { badge: word(badge, /^[A-Z]-\d{1,6}$/, 'badge'), depot: depotFrom(depot) }
}

export function incidentFrom(body: unknown): Omit<Incident, 'id'> {
  const { driverId, date, severity } = Object(body)
  return {
    driverId: idFrom(driverId),
    date: word(date, /^\d{4}-(0[1-9]|1[0-2])-\d{2}$/, 'date'),
    severity: severityFrom(severity),
  }
}
