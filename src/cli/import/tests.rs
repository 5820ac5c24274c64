//! Descriptions become rows, and what cannot be one is told.

use super::*;

const YAML: &str = r##"
openapi: 3.1.0
servers:
  - url: https://{region}.acme.example/v1
    variables: { region: { default: eu } }
paths:
  /people/{id}:
    parameters:
      - { name: ssn, in: query, schema: { type: string, x-pii: true } }
      - { name: id, in: path, x-pii: true }
    put:
      requestBody: { $ref: "#/components/requestBodies/Person" }
  /public:
    post:
      servers: [ { url: "https://other.example" } ]
      requestBody:
        content:
          multipart/form-data: { schema: { properties: { f: { x-pii: true } } } }
          application/json:
            schema: { x-data-classification: { category: other } }
components:
  requestBodies:
    Person:
      content:
        application/json: { schema: { $ref: "#/components/schemas/Person" } }
  schemas:
    Person:
      allOf:
        - properties:
            ssn: { x-data-classification: { category: government-id, sensitivity: restricted } }
            name: { x-data-classification: { category: PII, sensitivity: public } }
            a/b: { x-sensitive-data: { mask: true } }
        - oneOf: [ { properties: { key: { x-ms-secret: true } } } ]
      properties:
        emails:
          type: array
          items: { properties: { address: { x-data-classification: { category: contact } } } }
        boss: { $ref: "#/components/schemas/Person", x-pii: true }
        notes: { additionalProperties: { x-data-classification: { category: health } } }
        elsewhere: { $ref: "other.yaml#/X" }
"##;

fn told(text: &str, hosts: &[&str]) -> (Vec<String>, Vec<String>) {
    let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let rows = openapi::rows(&Document::new(parse(text).unwrap()), &hosts).unwrap();
    let row = |row: &Row| format!("{} {} {} {}", row.host, row.path, row.pointer, row.tag);
    (rows.rows.iter().map(row).collect(), rows.left_out.into_iter().collect())
}

#[test]
fn marks_become_rows() {
    let (rows, left_out) = told(YAML, &[]);
    let person = "eu.acme.example /v1/people/{id}";
    let expected = [
        ("/a~1b", "label.class.confidential"),
        ("/boss", "pi"),
        ("/emails/*/address", "id.contact"),
        ("/key", "secret"),
        ("/notes/*", "health"),
        ("/ssn", "id.government"),
        ("/ssn", "pi"),
    ];
    let mut expected: Vec<_> =
        expected.iter().map(|(at, tag)| format!("{person} {at} {tag}")).collect();
    expected.push("other.example /public  label.class.confidential".to_owned());
    assert_eq!(rows, expected);
    assert_eq!(
        left_out,
        [
            "`/people/{id}`: some of it is in other files, or too deep",
            "`/public` as multipart/form-data",
            "path parameter `id` of `/people/{id}`: fields are not looked for there",
        ]
    );
    let (other, _) = told(YAML, &["*.test"]);
    assert!(other.iter().all(|row| row.starts_with("*.test ")), "{other:?}");
}

#[test]
fn json_and_swagger_are_read() {
    let swagger = r##"{"swagger":"2.0","host":"api.acme.example:8443","basePath":"/v2/","paths":{"/p":{"post":{"parameters":[
        {"in":"body","schema":{"$ref":"#/definitions/P"}},{"in":"formData","name":"pin","x-ms-secret":true}]}}},
        "definitions":{"P":{"properties":{"x":{"x-pii":true,"properties":{"self":{"$ref":"#/definitions/P"}}}}}}}"##;
    let (rows, _) = told(swagger, &[]);
    let place = "api.acme.example /v2/p";
    assert_eq!(rows, [format!("{place} /pin secret"), format!("{place} /x pi")]);
}

#[test]
fn what_cannot_be_read_is_told() {
    assert!(parse("a: [").is_err() && parse("{").is_err());
    let bomb = (1..30).fold("a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned(), |all, n| {
        let one = format!("*a{}", n - 1);
        format!("{all}a{n}: &a{n} [{}]\n", [one.as_str(); 9].join(","))
    });
    assert!(parse(&bomb).is_err());
    let document = Document::new(parse("paths: { /p: { post: {} } }").unwrap());
    let error = openapi::rows(&document, &[]).unwrap_err().to_string();
    assert!(error.contains("--host"), "{error}");
    let circle = "openapi: 3.0.0\nservers: [ { url: \"https://a.example\" } ]\npaths: { /p: { post: { requestBody: { content: \
                  { application/json: { schema: { $ref: \"#/x\" } } } } } } }\nx: { $ref: \"#/y\" }\ny: { $ref: \"#/x\" }\n";
    assert!(told(circle, &[]).0.is_empty());
}
