import type { CompressionOptions } from './compression.ts'
import type { InvalidationMode } from './drivers/driver.ts'
import type { Duration } from './duration.ts'
import type { KeyParts } from './key-plan.ts'
import type { Serializer } from './packing.ts'
import type { TierChoice } from './policy.ts'
import type { StandardSchema } from './schema.ts'

// `any` is the only type that parameter lists of every function are assignable to and from; it stays inside.

/** A function that returns a promise: the only kind that can be cached. */
export type AsyncFunction = (this: any, ...args: any[]) => Promise<any>

type Callback<Returned> = (this: any, ...args: any[]) => Returned

/** A function of many ids: it returns an array with one result for each, in order, or a Map by id. */
export type ManyFunction = (this: any, ids: any[], ...rest: any[]) => Promise<readonly any[] | ReadonlyMap<any, any>>

/** What a method of many ids returns: as it is called for arrays, arrays are what it has to return. */
type ManyMethod = (this: any, ids: any[], ...rest: any[]) => Promise<readonly any[]>

/** What a function of many ids takes many of. */
export type IdOf<F extends ManyFunction> = Parameters<F>[0] extends readonly (infer Id)[] ? Id : never
/** Its other arguments. */
export type RestOf<F extends ManyFunction> = Parameters<F> extends [ids: any, ...rest: infer Rest] ? Rest : []
/** What may be kept of one id. */
export type ValueOf<F extends ManyFunction> = Exclude<WithoutErrors<ItemOf<Awaited<ReturnType<F>>>>, undefined>

/** An Error in the place of a result is thrown. Data with a name and a message looks like one, but for the stack. */
export type WithoutErrors<Item> = Item extends Error ? ('stack' extends keyof Item ? never : Item) : Item

type ItemOf<Results> = Results extends readonly (infer Item)[]
  ? Item
  : Results extends ReadonlyMap<any, infer Value>
    ? Value
    : never

/** Options that need no types of the function. `false` is as left out, whatever the defaults of a cache or a namespace say. */
export interface PlainOptions {
  /**
   * Shortens each ttl at random by up to this share of it, from 0 to 1, so that what was stored together does not
   * expire together. Default 0.
   */
  jitter?: number
  /** Keeps `null` results, for this long. Left out, they are not kept. (`undefined` never is.) */
  nullTtl?: Duration | false
  /** RFC 5861: serves a value for this long past its ttl, and renews it in the background. Default: not at all. */
  staleWhileRevalidate?: Duration | false
  /** RFC 5861: serves a value for this long past its ttl when the function fails. Default: not at all. */
  staleIfError?: Duration | false
  /**
   * Renews a value in the background before it is stale, at random, the sooner the longer its load takes (XFetch,
   * Vattani et al., "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015): `true`, or the factor beta. Default
   * false.
   */
  refreshAhead?: boolean | number
  /** Serves the stale value that `staleIfError` has kept when the function takes longer; it goes on in the background. */
  softTimeout?: Duration | false
  /** Ends the wait with a `LoadTimeoutError` when the function takes longer. Default: no limit. */
  hardTimeout?: Duration | false
  /** How long a failed load is remembered: meanwhile nobody in the fleet waits for another's load. Default 1 s. */
  errorTtl?: Duration | false
  /** A shape of the result. Entries of another version are misses: change it with the code that reads them. */
  version?: string | number
  /**
   * Where values may be kept: where the cache stores, with its near copies (`auto`), there without copies in this process
   * (`redis`), or only in this process (`memory`). Default `auto`.
   */
  tier?: TierChoice
  /** In place of JSON. Default: the cache's own serializer, else JSON with a side table. */
  serializer?: Serializer
  /**
   * Compresses large results on their way to Redis: `true` as the cache does, or by the defaults; `false` for none; or
   * how. Default: the cache's `compression`.
   */
  compress?: boolean | CompressionOptions
  /** `false`: what it returns belongs to nobody, and the tenants of the cache share it. Default: each has its own. */
  tenant?: false
  /**
   * Checks what is stored before it is served, and what is loaded before it is stored: what does not fit is loaded anew, or
   * passed through. A Standard Schema (zod, valibot, arktype, …) that answers at once, of what the function returns; what it
   * would make of a value is left out. Default: nothing is checked.
   */
  schema?: StandardSchema
}

/** Options for all functions of a cache or a namespace: each may still say otherwise. */
export type FunctionDefaults = Omit<PlainOptions, 'version' | 'tenant' | 'schema'>

/** Options of a namespace: defaults of its functions, and a version of all that is in it. */
export interface NamespaceOptions extends FunctionDefaults {
  /** Counts together with the version of the cache and that of the function. */
  version?: string | number
}

/**
 * A function that `cached()` or `cachedMany()` has returned, of which nothing says that it needs a `this`. A decorated
 * method is none: say whose it is, by `{ self }`.
 */
export type Callable = ((this: void, ...args: any[]) => Promise<any>) & {
  keyFor(...args: any[]): string | undefined
}

/** For a function that is called by what it is given to. */
export interface SelfOption {
  /** Whose method it is, for one that was decorated: its `this`. */
  self?: unknown
}

/** Options of `cached()`: callbacks get the function's own `this` and arguments. */
export interface CachedFunctionOptions<This, Args extends readonly unknown[], Result, Key extends string = string>
  extends PlainOptions {
  /**
   * What tells calls apart: a string to which the arguments are appended (`'fx:rates'`), a template of argument
   * positions (`'user:{0.id}'`), or a function that returns a string or, better, an array of parts. Default: the
   * function's name and its arguments.
   */
  key?: TemplateFor<Key, Args> | ((this: This, ...args: Args) => KeyParts)
  /** How long results are kept: `'5m'`, a number of seconds, or a function of the result. Required. */
  ttl: Duration | ((this: This, result: Result, ...args: Args) => Duration)
  /** Keeps only results for which this is true. Default: all but `undefined` and `null`. */
  cacheIf?: (this: This, result: Result, ...args: Args) => boolean
  /** Words by which entries are invalidated together: `invalidateTags('org:42')`. Known before the load. */
  tags?: readonly string[] | ((this: This, ...args: Args) => readonly string[])
  /** More of them, which only the result tells. */
  resultTags?: (this: This, result: Result, ...args: Args) => readonly string[]
  /** Leaves the cache out for calls for which this is true: nothing is read and nothing stored. */
  bypass?: (this: This, ...args: Args) => boolean
}

/** Options of `@Cached`. Annotate the parameters of callbacks: they are checked against the method's own. */
export interface CachedOptions extends PlainOptions {
  /**
   * What tells calls apart: a string to which the arguments are appended (`'dashboard:stats'`), a template of argument
   * positions (`'user:{0.id}'`), or a function that returns a string or, better, an array of parts. Default:
   * `ClassName.method` and the arguments.
   */
  key?: string | Callback<KeyParts>
  /** How long results are kept: `'5m'`, a number of seconds, or a function `(result, ...args) =>`. Required. */
  ttl: Duration | Callback<Duration>
  /** Keeps only results for which `(result, ...args) =>` is true. Default: all but `undefined` and `null`. */
  cacheIf?: Callback<boolean>
  /** Words by which entries are invalidated together: `invalidateTags('org:42')`. Known before the load. */
  tags?: readonly string[] | Callback<readonly string[]>
  /** More of them, by `(result, ...args) =>`, which only the result tells. */
  resultTags?: Callback<readonly string[]>
  /** Leaves the cache out for calls for which `(...args) =>` is true: nothing is read and nothing stored. */
  bypass?: Callback<boolean>
}

/** Of functions of many ids. */
interface BatchOptions {
  /** For how many ids the function is called at once; more are split. Default: no limit. */
  maxBatch?: number
}

/** Options of `cachedMany()`: those of `cached()`, with callbacks that are called for each id, with the further arguments. */
export interface CachedManyFunctionOptions<
  This,
  Id,
  Rest extends readonly unknown[],
  Value,
  Key extends string = string,
> extends CachedFunctionOptions<This, [id: Id, ...rest: Rest], Value, Key>,
    BatchOptions {}

/** Options of `@CachedMany`: those of `@Cached`, with callbacks that are called for each id, with the further arguments. */
export interface CachedManyOptions extends CachedOptions, BatchOptions {}

/** Options of `@CacheInvalidate`. At least one of `key`, `pattern` and `tags`. */
export interface CacheInvalidateOptions {
  /** The key to remove: a template such as `'user:{0.id}'`, or a function of the method's arguments. */
  key?: string | Callback<KeyParts>
  /** Patterns to remove, such as `'dashboard:*'`, or a function of the arguments; escape data with `pattern`. */
  pattern?: string | readonly string[] | Callback<string | readonly string[]>
  /** Tags to invalidate, or a function of the arguments. */
  tags?: readonly string[] | Callback<readonly string[]>
  /** Remove before the method runs, not after it has succeeded. Default false. */
  before?: boolean
  /** `expire` keeps the values for functions with `staleIfError` whose next run fails. Default `remove`. */
  mode?: InvalidationMode
}

/** Options of `@CacheUpdate`: those of the function whose entry the method's result takes the place of. */
export interface CacheUpdateOptions
  extends Pick<CachedOptions, 'ttl' | 'cacheIf' | 'tags' | 'resultTags'>,
    Pick<
      PlainOptions,
      | 'jitter'
      | 'nullTtl'
      | 'version'
      | 'tier'
      | 'serializer'
      | 'compress'
      | 'staleWhileRevalidate'
      | 'staleIfError'
      | 'tenant'
      | 'schema'
    > {
  /** The key of that entry: a template of this method's arguments such as `'user:{0.id}'`, or a function of them. */
  key: string | Callback<KeyParts>
}

/** Names that an options object must not have, made an error that shows them. */
export type NoOthers<Given, Known> = { readonly [Name in Exclude<keyof Given, keyof Known>]: NoSuchOption<Name> }

interface NoSuchOption<Name> {
  readonly noSuchOption: Name
}

/**
 * A decorator for promise-returning methods, TC39 or `experimentalDecorators`. What does not fit between its options
 * and the method shows as an error that mentions a property `cachewell`.
 */
export interface AsyncMethodDecorator<Options> {
  <This, Method extends AsyncFunction>(
    method: Method,
    context: ClassMethodDecoratorContext<This, Method> & Verified<Options, This, Method>,
  ): Method
  <Target, Method extends AsyncFunction>(
    target: Target,
    name: string | symbol,
    descriptor: TypedPropertyDescriptor<Method> & Verified<Options, Target, Method>,
  ): void
}

/** {@link AsyncMethodDecorator} for methods of many ids, whose options are about one of them. */
export interface ManyMethodDecorator<Options> {
  <This, Method extends ManyMethod>(
    method: Method,
    context: ClassMethodDecoratorContext<This, Method> & Verified<Options, This, ForOne<Method>>,
  ): Method
  <Target, Method extends ManyMethod>(
    target: Target,
    name: string | symbol,
    descriptor: TypedPropertyDescriptor<Method> & Verified<Options, Target, ForOne<Method>>,
  ): void
}

/** As the method would be for one id. */
type ForOne<Method extends ManyMethod> = (id: IdOf<Method>, ...rest: RestOf<Method>) => Promise<ValueOf<Method>>

type Verified<Options, This, Method extends AsyncFunction> = WhereWrong<
  Problem<Options, This, Method>,
  { readonly cachewell: Problem<Options, This, Method> },
  unknown
>

/**
 * Inside a generic class the type of a parameter may still be open, and then so is whether there is a problem. Such a
 * method passes, since TypeScript assigns to an open condition without its first branch where that would not be taken
 * with `any` in place of what is open. Hence the order of the branches, and the condition in a condition.
 */
type WhereWrong<Problem, Wrong, Right> = [[Problem] extends [never] ? 'right' : never] extends [never] ? Wrong : Right

type Problem<Options, This, Method extends AsyncFunction> =
  | TemplateProblem<Get<Options, 'key'>, Parameters<Method>>
  | CallbackProblem<'key', Get<Options, 'key'>, This, Parameters<Method>>
  | CallbackProblem<'pattern', Get<Options, 'pattern'>, This, Parameters<Method>>
  | CallbackProblem<'tags', Get<Options, 'tags'>, This, Parameters<Method>>
  | CallbackProblem<'resultTags', Get<Options, 'resultTags'>, This, WithResult<Method>>
  | CallbackProblem<'bypass', Get<Options, 'bypass'>, This, Parameters<Method>>
  | CallbackProblem<'ttl', Get<Options, 'ttl'>, This, WithResult<Method>>
  | CallbackProblem<'cacheIf', Get<Options, 'cacheIf'>, This, WithResult<Method>>

type WithResult<Method extends AsyncFunction> = [result: Awaited<ReturnType<Method>>, ...args: Parameters<Method>]
/** `never` and not `undefined` for what is not given: without `strictNullChecks`, `undefined` extends everything. */
type Get<Options, Name extends string> = Options extends { readonly [N in Name]: infer Value } ? Value : never

type CallbackProblem<Name extends string, Value, This, Args extends readonly unknown[]> = Value extends (
  this: infer Self,
  ...args: any
) => unknown
  ? Value extends (this: any, ...args: Args) => unknown
    ? unknown extends Self
      ? never
      : This extends Self
        ? never
        : `${Name} expects another 'this' than the class of this method`
    : `${Name} expects other arguments than this method has`
  : never

/** The template itself when all its holes name something, else a message in its place. */
export type TemplateFor<Key extends string, Args extends readonly unknown[]> = WhereWrong<
  TemplateProblem<Key, Args>,
  TemplateProblem<Key, Args>,
  Key
>

type TemplateProblem<Key, Args extends readonly unknown[]> = Key extends string
  ? string extends Key
    ? never
    : HoleProblem<Holes<Key>, Args>
  : never

type Holes<Key extends string> = Key extends `${string}{${infer Hole}}${infer Rest}` ? Hole | Holes<Rest> : never

type HoleProblem<Hole extends string, Args extends readonly unknown[]> = Hole extends `${infer Needed}?`
  ? HoleProblem<Needed, Args>
  : Hole extends `${infer Index}.${infer Path}`
    ? Index extends PositionOf<Args>
      ? PathProblem<Args[Index], Path, Hole>
      : NoArgument<Hole, Args>
    : Hole extends PositionOf<Args>
      ? never
      : NoArgument<Hole, Args>

/** Not those of a rest parameter, of which there may be any number. */
type PositionOf<Args extends readonly unknown[]> = keyof Args & `${number}`

type NoArgument<Hole extends string, Args extends readonly unknown[]> = number extends Args['length']
  ? Hole extends `${number}` | `${number}.${string}`
    ? never
    : `{${Hole}} names an argument that is not there`
  : `{${Hole}} names an argument that is not there`

type PathProblem<Value, Path extends string, Hole extends string> = 0 extends 1 & Value
  ? never
  : Path extends `${infer Name}.${infer Rest}`
    ? Name extends NameOf<Value>
      ? PathProblem<Field<Value, Name>, Rest, Hole>
      : `{${Hole}} names a field that is not there`
    : Path extends NameOf<Value>
      ? never
      : `{${Hole}} names a field that is not there`

/** Fields of any member of a union: which one it is, is known at the call. Positions count as fields of an array. */
type NameOf<Value> = Value extends readonly unknown[]
  ? `${number}` | (keyof Value & string)
  : Value extends object
    ? { [Name in keyof Value]: Name extends string ? Name : Name extends number ? `${Name}` : never }[keyof Value]
    : Value extends string
      ? 'length'
      : never

type Field<Value, Name extends string> = Value extends readonly (infer Item)[]
  ? Name extends `${number}`
    ? Item
    : never
  : Value extends { readonly [N in Name]?: infer Inner }
    ? Inner
    : never
