//! What the role of each function lets it do, as `template.yaml` says. The store of a service under test refuses the rest, as
//! AWS would, and remembers what was used.

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::Value as Json;
use serde_yaml_ng::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

tokio::task_local! {
    /// The function that handles the request of this task.
    static FUNCTION: String;
}

/// The roles of the template.
pub static ROLES: LazyLock<Roles> =
    LazyLock::new(|| Roles::of(&serde_yaml_ng::from_str(include_str!("../../template.yaml")).unwrap()));

pub struct Roles {
    functions: BTreeMap<String, Vec<Statement>>,
    /// Path to function.
    routes: BTreeMap<String, String>,
}

/// What a statement of a policy allows.
struct Statement {
    actions: BTreeSet<String>,
    tables: BTreeSet<String>,
    /// The attributes that may be named, if not any.
    attributes: Option<BTreeSet<String>>,
    /// What may be handed back, if not anything.
    returns: Option<BTreeSet<String>>,
}

/// One thing that a call does, as AWS judges it: by action and table.
struct Access {
    action: String,
    table: String,
    /// The attributes that it names: of its key, its item and its expressions.
    attributes: BTreeSet<String>,
    /// `None` in a transaction, which hands back nothing.
    returns: Option<String>,
}

/// Has the rest of a request be the work of the function that API Gateway would call.
pub async fn as_routed(request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let function = path.and_then(|path| ROLES.routes.get(path)).unwrap_or(&ROLES.routes["$default"]);
    as_function(function, next.run(request)).await
}

/// Has something be the work of a function.
pub async fn as_function<T>(name: &str, work: impl Future<Output = T>) -> T {
    // On the heap: a task-local's future holds the work by value, and a handler's is large.
    FUNCTION.scope(name.to_owned(), Box::pin(work)).await
}

impl Roles {
    fn of(template: &Value) -> Self {
        let resources = template["Resources"].as_mapping().unwrap();
        let name = |function: &Value| function["Metadata"]["BuildProperties"]["Binary"].as_str().unwrap().to_owned();
        let functions = resources.values().filter(|resource| resource["Type"] == "AWS::Serverless::Function");
        let statements = |function: &Value| {
            let policies = function["Properties"]["Policies"].as_sequence().unwrap();
            let statements = policies.iter().flat_map(|policy| policy["Statement"].as_sequence().unwrap());
            statements.filter_map(|statement| Statement::of(statement, template)).collect()
        };
        let functions = functions.map(|function| (name(function), statements(function))).collect();
        let routes =
            resources.values().filter(|resource| resource["Type"] == "AWS::ApiGatewayV2::Route").map(|route| {
                let route = &route["Properties"];
                let integration = text(&route["Target"]).trim_start_matches("integrations/${").trim_end_matches('}');
                let integration = &template["Resources"][integration]["Properties"]["IntegrationUri"];
                let function = &template["Resources"][text(integration).trim_end_matches(".Arn")];
                (text(&route["RouteKey"]).trim_start_matches("ANY ").to_owned(), name(function))
            });
        Self { functions, routes: routes.collect() }
    }

    /// Every right on the tables that a role gives, such as `UpdateItem users`; of a restricted one, such as
    /// `UpdateItem users.epoch`, each attribute.
    pub fn rights(&self, function: &str) -> BTreeSet<String> {
        let mut rights = BTreeSet::new();
        for statement in &self.functions[function] {
            for (action, table) in statement.actions.iter().flat_map(|a| statement.tables.iter().map(move |t| (a, t))) {
                match &statement.attributes {
                    None => rights.extend([format!("{action} {table}")]),
                    Some(names) => rights.extend(names.iter().map(|name| format!("{action} {table}.{name}"))),
                }
            }
        }
        rights
    }

    /// The functions of the stack.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        self.functions.keys().map(String::as_str)
    }

    /// What a call of this task uses of its function's role, and whose it is; `None` outside of a function.
    ///
    /// # Errors
    /// What the role does not allow.
    pub fn judge(&self, operation: &str, body: &Json) -> Result<Option<(String, BTreeSet<String>)>, String> {
        let Ok(function) = FUNCTION.try_with(String::clone) else { return Ok(None) };
        let mut used = BTreeSet::new();
        for access in accesses(operation, body) {
            let allowed = self.functions[&function].iter().find(|statement| statement.allows(&access));
            let Access { action, table, attributes, .. } = access;
            match allowed {
                None => return Err(format!("the role of {function} does not allow {action} {table} {attributes:?}")),
                Some(Statement { attributes: None, .. }) => used.extend([format!("{action} {table}")]),
                Some(_) => used.extend(attributes.iter().map(|name| format!("{action} {table}.{name}"))),
            }
        }
        Ok(Some((function, used)))
    }
}

impl Statement {
    /// A statement about tables; others are looked at elsewhere.
    fn of(statement: &Value, template: &Value) -> Option<Self> {
        assert_eq!(statement["Effect"], "Allow");
        let actions = texts(&statement["Action"]);
        let actions: BTreeSet<_> = actions.iter().filter_map(|action| action.strip_prefix("dynamodb:")).collect();
        if actions.is_empty() {
            return None;
        }
        let table = |resource: &String| {
            let properties = &template["Resources"][resource.trim_end_matches(".Arn")]["Properties"];
            text(&properties["TableName"]).trim_start_matches("${TablePrefix}").to_owned()
        };
        let mut conditions = BTreeMap::new();
        for (operator, keys) in statement["Condition"].as_mapping().into_iter().flatten() {
            for (key, values) in keys.as_mapping().unwrap() {
                conditions.insert((text(operator), text(key)), texts(values));
            }
        }
        let attributes = conditions.remove(&("ForAllValues:StringEquals", "dynamodb:Attributes"));
        let returns = conditions.remove(&("StringEqualsIfExists", "dynamodb:ReturnValues"));
        assert!(conditions.is_empty(), "conditions that are not judged here: {conditions:?}");
        Some(Self {
            actions: actions.into_iter().map(str::to_owned).collect(),
            tables: texts(&statement["Resource"]).iter().map(table).collect(),
            attributes,
            returns,
        })
    }

    fn allows(&self, access: &Access) -> bool {
        let named = |some: &BTreeSet<String>| access.attributes.is_subset(some);
        let handed = |some: &BTreeSet<String>| access.returns.as_ref().is_none_or(|value| some.contains(value));
        self.actions.contains(&access.action)
            && self.tables.contains(&access.table)
            && self.attributes.as_ref().is_none_or(named)
            && self.returns.as_ref().is_none_or(handed)
    }
}

/// What a call does.
fn accesses(operation: &str, body: &Json) -> Vec<Access> {
    match operation {
        "BatchGetItem" => {
            let tables = body["RequestItems"].as_object().unwrap();
            tables.iter().map(|(table, asked)| access(operation, table, &asked["Keys"][0], asked)).collect()
        }
        "TransactWriteItems" => {
            let items = body["TransactItems"].as_array().unwrap().iter().flat_map(|item| item.as_object().unwrap());
            let item =
                |(kind, item): (&String, &Json)| Access { returns: None, ..access_of(&format!("{kind}Item"), item) };
            items.map(item).collect()
        }
        _ => vec![access_of(operation, body)],
    }
}

fn access_of(action: &str, body: &Json) -> Access {
    access(
        action,
        body["TableName"].as_str().unwrap(),
        if body["Key"].is_object() { &body["Key"] } else { &body["Item"] },
        body,
    )
}

fn access(action: &str, table: &str, item: &Json, body: &Json) -> Access {
    let names = body["ExpressionAttributeNames"].as_object().into_iter().flatten();
    let names = names.map(|(_, name)| name.as_str().unwrap().to_owned());
    Access {
        action: action.to_owned(),
        table: table.trim_start_matches("doorward-").to_owned(),
        attributes: item.as_object().into_iter().flatten().map(|(name, _)| name.clone()).chain(names).collect(),
        returns: Some(body["ReturnValues"].as_str().unwrap_or("NONE").to_owned()),
    }
}

fn text(value: &Value) -> &str {
    match value {
        Value::Tagged(tagged) => tagged.value.as_str().unwrap(),
        value => value.as_str().unwrap(),
    }
}

/// One text or a list of them.
fn texts(value: &Value) -> BTreeSet<String> {
    match value.as_sequence() {
        Some(values) => values.iter().map(|value| text(value).to_owned()).collect(),
        None => BTreeSet::from([text(value).to_owned()]),
    }
}
