import 'reflect-metadata'
import { expect, test } from 'vitest'
import { listeningCache } from '../decorators/listening-cache.ts'

// Nest's own decorators in small: what it reads when it builds its routes is where these put it.

type Descriptor = TypedPropertyDescriptor<any>
const Injectable = (): ClassDecorator => (target) => Reflect.defineMetadata('injectable', true, target)
const Get = (path: string) => (_target: object, _name: string, descriptor: Descriptor) => {
  Reflect.defineMetadata('path', path, descriptor.value)
  return descriptor
}
const UseGuards = (guard: string) => (_target: object, _name: string, descriptor: Descriptor) => {
  const guards: string[] = Reflect.getMetadata('guards', descriptor.value) ?? []
  Reflect.defineMetadata('guards', [...guards, guard], descriptor.value)
  return descriptor
}
const Param = (param: string) => (target: object, name: string | symbol | undefined, index: number) => {
  const args = Reflect.getMetadata('args', target.constructor, name as string) ?? {}
  Reflect.defineMetadata('args', { ...args, [index]: param }, target.constructor, name as string)
}

const { Cached, CacheInvalidate, stored } = listeningCache()

class Query {
  constructor(readonly page: number) {}
}

@Injectable()
class TicketsController {
  constructor(readonly desk: Query) {}

  @UseGuards('outer')
  @Get('tickets/:state')
  @Cached({ key: 'tickets:{0}:{1.page}', ttl: '1m' })
  @CacheInvalidate({ pattern: 'recent:*' })
  @UseGuards('inner')
  async tickets(@Param('state') state: string, @Param('query') query: Query): Promise<string[]> {
    return [state, `${query.page}`, `${this.desk.page}`]
  }
}

test('metadata of the method is found on what stands in its place', () => {
  const handler = TicketsController.prototype.tickets
  expect(Reflect.getMetadata('path', handler)).toBe('tickets/:state')
  expect(Reflect.getMetadata('guards', handler)).toEqual(['inner', 'outer'])
})

test('metadata of the parameters is kept', () => {
  expect(Reflect.getMetadata('args', TicketsController, 'tickets')).toEqual({ 0: 'state', 1: 'query' })
})

test('types of the parameters, which the compiler emits, are kept', () => {
  const of = (key: string) => Reflect.getMetadata(key, TicketsController.prototype, 'tickets')
  expect(of('design:paramtypes')).toEqual([String, Query])
  expect(of('design:returntype')).toBe(Promise)
  expect(of('design:type')).toBe(Function)
  expect(Reflect.getMetadata('design:paramtypes', TicketsController)).toEqual([Query])
})

test('the method works as Nest calls it', async () => {
  const controller = new TicketsController(new Query(3))
  const handler = controller.tickets
  await expect(handler.apply(controller, ['open', new Query(2)])).resolves.toEqual(['open', '2', '3'])
  expect(stored()).toEqual(['tickets:open:2'])
})
