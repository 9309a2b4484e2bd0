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
  let result: SchemaResult | Promise<SchemaResult>
  try {
    result = schema['~standard'].validate(value)
  } catch {
    return 'its schema threw'
  }
  if ('then' in result) {
    void Promise.resolve(result).catch(() => {})
    return 'its schema answers with a promise, which comes too late'
  }
  return result.issues && `it does not fit its schema${placeOf(result.issues[0])}`
}

function placeOf(issue: SchemaIssue | undefined): string {
  const path = issue?.path?.map((step) => String(typeof step === 'object' ? step.key : step)) ?? []
  return path.length > 0 ? ` at ${path.join('.')}` : ''
}
