// The schema through the gateway, held against the backend's and against auth.graphql:
//   introspection.mjs GATEWAY BACKEND AUTH_GRAPHQL [TOKEN_FOR_GATEWAY [TOKEN_FOR_BACKEND]]
// A line of JSON; all lists are empty when all is well.
import { readFileSync } from 'node:fs';
import { buildClientSchema, buildSchema, getIntrospectionQuery, printSchema, printType, validateSchema } from 'graphql';

const [gateway, backend, file, ...tokens] = process.argv.slice(2);

async function ask(url, token, options) {
  const headers = { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) };
  const body = JSON.stringify({ query: getIntrospectionQuery(options) });
  const response = await fetch(url, { method: 'POST', headers, body });
  return response.text();
}

const everything = { specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true, inputValueDeprecation: true };
const text = await ask(gateway, tokens[0], { ...everything, oneOf: true });
const { data, errors } = JSON.parse(text);
if (errors) throw new Error(text);
const schema = buildClientSchema(data);
let asIs = JSON.parse(await ask(backend, tokens[1], { ...everything, oneOf: true }));
if (asIs.errors) asIs = JSON.parse(await ask(backend, tokens[1], everything));
const direct = buildClientSchema(asIs.data);
const own = buildSchema(readFileSync(file, 'utf8'));

const repeated = (list) => list.map(({ name }) => name).filter((name, index, names) => names.indexOf(name) !== index);
const roots = (of) => [of.getQueryType(), of.getMutationType()];
const isRoot = (type) => roots(own).includes(type) || roots(direct).includes(type);
const printField = (field) => `${field?.name}(${field?.args.map((a) => `${a.name}: ${a.type} = ${a.defaultValue}`)}): ${field?.type}`;
const differ = (field, other) => printField(field) !== printField(other);

const different = [];
for (const type of Object.values(own.getTypeMap()).filter((type) => !type.name.startsWith('__') && !isRoot(type))) {
  const there = schema.getType(type.name);
  if (type.name === 'AuthenticatedUserType') {
    const fields = Object.values(there.getFields());
    Object.values(type.getFields()).forEach((field, index) => differ(field, fields[index]) && different.push(field.name));
  } else if (type.getFields && printType(type) !== (there && printType(there))) {
    different.push(type.name);
  }
}
const lost = [];
roots(schema).forEach((root, index) => {
  const fields = root.getFields();
  const owned = roots(own)[index].getFields();
  Object.values(owned).forEach((field) => differ(field, fields[field.name]) && different.push(field.name));
  const others = Object.values(roots(direct)[index]?.getFields() ?? {}).filter(({ name }) => !(name in owned));
  lost.push(...others.filter((field) => differ(field, fields[field.name])).map(({ name }) => name));
});
for (const type of Object.values(direct.getTypeMap()).filter((type) => !own.getType(type.name) && !isRoot(type))) {
  const there = schema.getType(type.name);
  if (!there || printType(there) !== printType(type)) lost.push(type.name);
}
console.log(JSON.stringify({
  mistakes: validateSchema(schema).map(({ message }) => message),
  repeated: [...repeated(data.__schema.types), ...data.__schema.types.flatMap(({ fields }) => repeated(fields ?? []))],
  different,
  lost,
  unstable: text === (await ask(gateway, tokens[0], { ...everything, oneOf: true })) ? [] : [text.length],
  schema: printSchema(schema),
}));
