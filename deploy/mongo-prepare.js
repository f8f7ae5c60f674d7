// Makes the replica set, its administrator and two users: the service's, who may read and write the database of its own
// name and nothing else, and the operator's, who may read two views of it (shared/engine/storage/views.py) and nothing else.
// What is there already stays; the passwords of the two become what the secrets say.

const fs = require("fs");
const secret = (name) => fs.readFileSync(`/run/secrets/${name}`, "utf8").trim();
const here = (login) => new Mongo(`mongodb://${login}127.0.0.1:27017/?directConnection=true`);
const refused = (error) => error.codeName === "Unauthorized" || error.codeName === "AuthenticationFailed";

const service = process.env.SERVICE;
const members = [{ _id: 0, host: `${process.env.NODE_NAME}:27017` }];

// As long as there is no user, whoever comes from the node itself may do this; never again afterwards.
try {
  const anybody = here("").getDB("admin");
  try {
    anybody.runCommand({ replSetInitiate: { _id: "structures", members } });
  } catch (error) {
    if (error.codeName !== "AlreadyInitialized") throw error;
  }
  while (!anybody.hello().isWritablePrimary) sleep(100);
  anybody.createUser({ user: "admin", pwd: secret("mongo_admin"), roles: ["root"] });
} catch (error) {
  if (!refused(error)) throw error;
}

const admin = here(`admin:${secret("mongo_admin")}@`).getDB("admin");
while (!admin.hello().isWritablePrimary) sleep(100);
const database = admin.getSiblingDB(service);
const user = (name, password, roles) => {
  if (database.getUser(name)) database.updateUser(name, { pwd: secret(password), roles });
  else database.createUser({ user: name, pwd: secret(password), roles });
};
user(service, "mongo_password", [{ role: "readWrite", db: service }]);

const owner = process.env.OWNER;
if (owner) {
  const views = [`${owner}_pending`, `${owner}_waiting`];
  const privileges = views.map((collection) => ({ resource: { db: service, collection }, actions: ["find"] }));
  if (database.getRole("ops")) database.updateRole("ops", { privileges, roles: [] });
  else database.createRole({ role: "ops", privileges, roles: [] });
  user("ops", "mongo_ops", ["ops"]);
}
