// The client that odata2ts generates from $metadata, against a sandbox. Arguments: base address, token, company id.
import { ODataHttpClient, HttpResponseModel } from "@odata2ts/http-client-api";
import { bcService } from "./build/bc/bcService";

const [base, token, company] = process.argv.slice(2);

class Client implements ODataHttpClient<{ headers?: Record<string, string> }> {
  private async call<T>(method: string, url: string, data?: any, config?: any): Promise<HttpResponseModel<T>> {
    const common = { Accept: "application/json", "Content-Type": "application/json", Authorization: `Bearer ${token}` };
    const headers = { ...common, ...(config?.headers ?? {}) };
    const answer = await fetch(url, { method, body: data === undefined ? undefined : JSON.stringify(data), headers });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${answer.status} ${text}`);
    const content = text ? JSON.parse(text) : undefined;
    return { status: answer.status, statusText: answer.statusText, headers: {}, data: content };
  }
  get<T>(url: string, config?: any) { return this.call<T>("GET", url, undefined, config); }
  post<T>(url: string, data: any, config?: any) { return this.call<T>("POST", url, data, config); }
  put<T>(url: string, data: any, config?: any) { return this.call<T>("PUT", url, data, config); }
  patch<T>(url: string, data: any, config?: any) { return this.call<T>("PATCH", url, data, config); }
  delete(url: string, config?: any) { return this.call<void>("DELETE", url, undefined, config); }
}

function equal(found: unknown, expected: unknown) {
  if (JSON.stringify(found) !== JSON.stringify(expected)) throw new Error(`${JSON.stringify(found)} != ${JSON.stringify(expected)}`);
}

(async () => {
  const any = { headers: { "If-Match": "*" } } as any;
  const service = new bcService(new Client(), base);
  equal((await service.companies().query()).data.value.map((one) => one.name), ["CRONUS Retail"]);
  const inside = service.companies(company);
  const made = (await inside.customers().create({ displayName: "odata2ts A/S" } as any)).data;
  await inside.customers(made.id).patch({ phoneNumber: "42" }, any);
  const found = await inside.customers().query((builder, q) =>
    builder.select("phoneNumber").filter(q.displayName.eq("odata2ts A/S")).orderBy(q.number.desc()).top(3));
  equal(found.data.value.map((one) => one.phoneNumber), ["42"]);
  const orders = await inside.salesOrders().query((builder) => builder.expand("salesOrderLines").count());
  equal(orders.data.value.map((one) => one.salesOrderLines?.length), [1]); // the order that bc-cli left
  await inside.customers(made.id).delete(any);
  console.log("odata2ts: generated from $metadata, type-checked, create, change, query, expand, delete");
})().catch((error) => { console.error(error); process.exit(1); });
