// Drives @odata/client, unmodified, against a sandbox.
// Arguments: base address, company id, address of the token endpoint, client id, client secret, scope.
const assert = require("node:assert/strict");
const { OData, EdmV4 } = require("@odata/client");

const [base, company, tokenUrl, clientId, clientSecret, scope] = process.argv.slice(2);
const NAME = "odata-client A/S";

function customers(headers = {}) {
  const serviceEndpoint = `${base}/companies(${company})/`;
  const credential = { tokenUrl, clientId, clientSecret, scope }; // it sends id and secret as Basic authentication
  return OData.New4({ serviceEndpoint, credential, commonHeaders: headers }).getEntitySet("customers");
}

async function made() {
  const records = [];
  for (const city of ["Aarhus", "Odense", "Vejle"])
    records.push(await customers().create({ displayName: NAME, city, creditLimit: 10.5 }));
  assert.deepEqual(records.map((one) => [one.displayName, one.city, one.creditLimit]),
    [[NAME, "Aarhus", 10.5], [NAME, "Odense", 10.5], [NAME, "Vejle", 10.5]]);
  return records;
}

async function queried() {
  const filter = OData.newFilter().field("displayName").eq(NAME).field("city").ne("Odense");
  const options = OData.newOptions().filter(filter).orderby("city", "desc");
  const cities = async () => (await customers().query(options)).map((one) => one.city);
  assert.deepEqual(await cities(), ["Vejle", "Aarhus"]);
  options.top(1);
  assert.deepEqual(await cities(), ["Vejle"]);
  options.skip(1).select(["city"]);
  const [{ "@odata.etag": etag, ...rest }] = await customers().query(options);
  assert.deepEqual([typeof etag, rest], ["string", { city: "Aarhus" }]);
}

async function changed(record) {
  const id = EdmV4.Guid.from(record.id);
  const ifMatch = customers({ "If-Match": record["@odata.etag"] });
  assert.deepEqual(await customers().retrieve(id), record);
  await ifMatch.update(id, { phoneNumber: "42" });
  assert.equal((await customers().retrieve(id)).phoneNumber, "42");
  await assert.rejects(ifMatch.update(id, { phoneNumber: "43" }), /changed/); // the ETag is that of before
  await assert.rejects(ifMatch.delete(id), /changed/);
  assert.deepEqual((await customers().find({ number: record.number })).map((one) => [one.id, one.phoneNumber]),
    [[record.id, "42"]]);
}

async function deleted(records) {
  assert.equal(await customers().count({ displayName: NAME }), records.length);
  for (const { id } of records) {
    const key = EdmV4.Guid.from(id);
    const { "@odata.etag": etag } = await customers().retrieve(key);
    await customers({ "If-Match": etag }).delete(key);
    await assert.rejects(customers().retrieve(key), /not found|does not exist/i);
  }
  assert.equal(await customers().count({ displayName: NAME }), 0);
}

(async () => {
  const records = await made();
  await queried();
  await changed(records[0]);
  await deleted(records);
  console.log("@odata/client: sign-in, create, query, retrieve, update and delete with If-Match, find, count");
})().catch((error) => { console.error(error); process.exit(1); });
