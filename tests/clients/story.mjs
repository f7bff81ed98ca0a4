// The documents that every client runs, and the story that they make. A client is a function
//   run(path, document, variables, accessToken?) -> data
// that throws when there are errors.

export const AUTH = '/graphql/auth/';
export const GQL = '/graphql/gql/';

export const LOGIN = `mutation Login($username: String!, $password: String!) {
  login(username: $username, password: $password) { __typename ok token refreshToken user { __typename id username } }
}`;
export const VIEWER = 'query Viewer { viewer { __typename username } }';
export const REFRESH = `mutation Refresh($token: String) {
  refreshToken(refreshToken: $token) { __typename ok token refreshToken }
}`;

export async function tell(run) {
  const { login } = await run(AUTH, LOGIN, { username: 'john', password: 'secret123' });
  const { viewer } = await run(GQL, VIEWER, {}, login.token);
  const { refreshToken: renewed } = await run(AUTH, REFRESH, { token: login.refreshToken });
  const { viewer: again } = await run(GQL, VIEWER, {}, renewed.token);
  const refused = await run(GQL, VIEWER, {}).then(() => 'nothing', (error) => error.message);
  console.log(JSON.stringify({
    user: login.user.username,
    viewer: viewer.username,
    rotated: renewed.refreshToken !== login.refreshToken,
    again: again.username,
    refused,
  }));
}

export const gateway = process.argv[2];
export const bearer = (token) => (token ? { Authorization: `Bearer ${token}` } : {});
