// Standard Schema, version 1 (https://standardschema.dev): what zod, valibot, arktype and others have in common, written as the
// types that this library reads. Nothing of them is imported. `typed` is a schema of our own for those who want types only.

/** A schema of any library that follows Standard Schema. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a validation gives. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** What is wrong, and where. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

type TypesOf<Schema extends StandardSchema> = NonNullable<Schema['~standard']['types']>;

/** What may be given to a schema. */
export type SchemaInput<Schema extends StandardSchema> = TypesOf<Schema>['input'];

/** What a schema makes of it. */
export type SchemaOutput<Schema extends StandardSchema> = TypesOf<Schema>['output'];

/**
 * A schema that has a type and checks nothing: whatever a client sends is taken for a `T`, so it fits where all clients are trusted, or
 * where handlers check for themselves.
 */
export function typed<T>(): StandardSchema<T> {
  // This is what was asked for: to take it for a T, unseen.
  const isTaken = (_value: unknown): _value is T => true;
  return Object.freeze({
    '~standard': Object.freeze({
      version: 1,
      vendor: 'fullduplex',
      validate: (value: unknown): SchemaResult<T> => (isTaken(value) ? { value } : { issues: [] }),
    }),
  });
}
