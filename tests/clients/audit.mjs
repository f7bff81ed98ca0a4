// The audits of GraphQL over HTTP (graphql-http): a line of JSON for each, id, level and whether it passed.
import { auditServer } from 'graphql-http';

for (const result of await auditServer({ url: process.argv[2] })) {
  const level = result.name.split(' ')[0];
  console.log(JSON.stringify({ id: result.id, level, ok: result.status === 'ok', name: result.name, reason: result.reason }));
}
