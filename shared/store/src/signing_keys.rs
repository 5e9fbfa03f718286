use crate::expression::Expression;
use crate::item::{Item, Reader, Writer, bytes, number, text, time};
use crate::keys::{
    ALG, CREATED_AT, KID, PUBLIC_JWK, PURPOSE, SEALED, SERIAL, SIGNING_KEYS, SIGNS_FROM, SIGNS_UNTIL, VERIFIES_UNTIL,
};
use crate::write::{Update, Written};
use crate::{Db, StoreError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use doorward_core::ids::KeyId;
use doorward_core::keyring::{KeyRecord, Purpose, Term};
use doorward_core::signing::{Algorithm, PublicKey};

/// Keys, by purpose and serial number.
#[derive(Clone, Debug)]
pub struct SigningKeyStore(pub(crate) Db);

impl SigningKeyStore {
    /// The keys of a purpose, oldest first. There are a handful at most.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn list(&self, purpose: Purpose) -> Result<Vec<KeyRecord>, StoreError> {
        let mut e = Expression::default();
        let condition = e.compare(PURPOSE, "=", text(purpose.as_str()));
        let sent = self
            .0
            .client
            .query()
            .table_name(self.0.table(SIGNING_KEYS))
            .key_condition_expression(condition)
            .set_expression_attribute_names(Some(e.names()))
            .set_expression_attribute_values(e.values())
            .consistent_read(true)
            .send()
            .await;
        sent.map_err(StoreError::unavailable)?.items().iter().map(|item| read(purpose, item)).collect()
    }

    /// Keeps a new key, if there is none of its purpose and number: of two that make the same, one is kept.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn add(&self, key: &KeyRecord) -> Result<bool, StoreError> {
        match self.0.insert(SIGNING_KEYS, PURPOSE, write(key)?).await? {
            Written::Done(_) => Ok(true),
            // Refused by our own item: the answer to the first attempt was lost.
            Written::Refused(found) => {
                Ok(found.is_some_and(|found| Reader(&found).text(KID).ok() == Some(key.id.as_str())))
            }
        }
    }

    /// Gives a key other times, if it is as it was read. Whether it has them now.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn change(&self, read: &KeyRecord, term: &Term) -> Result<bool, StoreError> {
        let mut e = Expression::default();
        let mut set = vec![e.compare(SIGNS_FROM, "=", time(term.signs_from))];
        set.extend(term.signs_until.map(|until| e.compare(SIGNS_UNTIL, "=", time(until))));
        set.extend(term.verifies_until.map(|until| e.compare(VERIFIES_UNTIL, "=", time(until))));
        let condition = as_read(&mut e, read);
        let table = self.0.table(SIGNING_KEYS);
        let set = format!("SET {}", set.join(", "));
        match self.0.update(Update { table, key: key(read), set, condition, expression: e }).await? {
            Written::Done(_) => Ok(true),
            // Refused by our own change: the answer to the first attempt was lost.
            Written::Refused(found) => Ok(found.is_some_and(|found| term_of(&found).is_ok_and(|found| found == *term))),
        }
    }

    /// Deletes a key, if it is as it was read.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn delete(&self, read: &KeyRecord) -> Result<(), StoreError> {
        let mut e = Expression::default();
        let condition = as_read(&mut e, read);
        let sent = self
            .0
            .client
            .delete_item()
            .table_name(self.0.table(SIGNING_KEYS))
            .set_key(Some(key(read)))
            .condition_expression(condition)
            .set_expression_attribute_names(Some(e.names()))
            .set_expression_attribute_values(e.values())
            .send()
            .await;
        match sent {
            Err(error)
                if error.as_service_error().is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            sent => sent.map(|_| ()).map_err(StoreError::unavailable),
        }
    }
}

fn key(of: &KeyRecord) -> Item {
    Writer::default().with(PURPOSE, text(of.purpose.as_str())).with(SERIAL, number(of.serial)).item()
}

/// The condition that a key is the one that was read, with the same times.
fn as_read(e: &mut Expression, read: &KeyRecord) -> String {
    let mut conditions =
        vec![e.compare(KID, "=", text(&read.id)), e.compare(SIGNS_FROM, "=", time(read.term.signs_from))];
    for (name, until) in [(SIGNS_UNTIL, read.term.signs_until), (VERIFIES_UNTIL, read.term.verifies_until)] {
        conditions.push(e.is(name, until.map(time)));
    }
    conditions.join(" AND ")
}

fn write(key: &KeyRecord) -> Result<Item, StoreError> {
    let jwk = key.public.as_ref().map(|(_, public)| serde_json::to_string(public).map_err(StoreError::unavailable));
    Ok(Writer::default()
        .with(PURPOSE, text(key.purpose.as_str()))
        .with(SERIAL, number(key.serial))
        .with(KID, text(&key.id))
        .with(CREATED_AT, time(key.made_at))
        .with_some(ALG, key.public.as_ref().map(|(algorithm, _)| text(algorithm.as_str())))
        .with_some(PUBLIC_JWK, jwk.transpose()?.map(text))
        .with(SEALED, bytes(&key.sealed))
        .with(SIGNS_FROM, time(key.term.signs_from))
        .with_some(SIGNS_UNTIL, key.term.signs_until.map(time))
        .with_some(VERIFIES_UNTIL, key.term.verifies_until.map(time))
        .item())
}

fn read(purpose: Purpose, item: &Item) -> Result<KeyRecord, StoreError> {
    let item = Reader(item);
    let algorithm = item.parsed_if_any(ALG, |name| Algorithm::parse(name).ok_or(()))?;
    let public = item.parsed_if_any(PUBLIC_JWK, |json| serde_json::from_str::<PublicKey>(json))?;
    Ok(KeyRecord {
        purpose,
        serial: item.number(SERIAL)?,
        made_at: item.time(CREATED_AT)?,
        id: item.parsed(KID, KeyId::parse)?,
        public: algorithm.zip(public),
        sealed: item.bytes(SEALED)?.to_vec(),
        term: term_of(item.0)?,
    })
}

fn term_of(item: &Item) -> Result<Term, StoreError> {
    let item = Reader(item);
    Ok(Term {
        signs_from: item.time(SIGNS_FROM)?,
        signs_until: item.time_if_any(SIGNS_UNTIL)?,
        verifies_until: item.time_if_any(VERIFIES_UNTIL)?,
    })
}
