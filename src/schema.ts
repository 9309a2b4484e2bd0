import { isTooLate } from './too-late.ts'

/** What zod, valibot, arktype and others are, by https://standardschema.dev: as much of it as is needed here. */
export interface StandardSchema {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult | Promise<SchemaResult>
  }
}

type SchemaResult =
  | { readonly value: unknown; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/**
 * What is wrong with a value, by its schema, and where. What a schema makes of a value is left out, and so are its
 * messages: they may repeat data.
 */
export function flawOf(schema: StandardSchema | undefined, value: unknown): string | undefined {
  if (schema === undefined) return undefined
  try {
    const result = schema['~standard'].validate(value)
    if (isTooLate(result)) return 'its schema answers with a promise, which comes too late'
    if (typeof result !== 'object' || result === null) return 'its schema does not say whether it fits'
    return result.issues && `it does not fit its schema${placeOf(result.issues[0])}`
  } catch {
    return 'its schema threw'
  }
}

function placeOf(issue: SchemaIssue | undefined): string {
  const path = issue?.path?.map((step) => String(typeof step === 'object' ? step.key : step)) ?? []
  return path.length > 0 ? ` at ${path.join('.')}` : ''
}
