//! Messages and mailboxes.

use pocketsoc_model::{Email, Entity, EntityKind, Mailbox};

use super::{first, identity, named, with_rest};
use crate::evidence::{AnalyzedMessageEvidence, MailboxEvidence, SubmissionMailEvidence, Told};

pub(in super::super) fn message(mut evidence: AnalyzedMessageEvidence) -> Entity {
    let envelope = evidence.p1_sender.as_mut().and_then(|sender| sender.email_address.take());
    let shown = evidence.p2_sender.as_mut().and_then(|sender| sender.email_address.take());
    let mut email = Email::default();
    email.sender = shown.clone().or_else(|| envelope.clone());
    email.subject = evidence.subject.take();
    email.recipient = evidence.recipient_email_address.take();
    email.message_id = evidence.network_message_id.take();
    let name = first([&email.subject, &email.sender, &email.message_id]);
    let mut entity = named(EntityKind::Email(Box::new(email)), name);
    // Where the two senders differ, the name that readers see is not to be trusted.
    entity.properties.set_some("p1Sender", envelope.filter(|envelope| Some(envelope) != shown.as_ref()));
    with_rest(entity, evidence)
}

pub(in super::super) fn submission(mut evidence: SubmissionMailEvidence) -> Entity {
    let mut email = Email::default();
    email.sender = evidence.sender.take();
    email.subject = evidence.subject.take();
    email.recipient = evidence.recipient.take();
    email.message_id = evidence.network_message_id.take();
    let name = first([&email.subject, &email.sender, &email.message_id]);
    with_rest(named(EntityKind::Email(Box::new(email)), name), evidence)
}

pub(in super::super) fn mailbox(mut evidence: MailboxEvidence) -> Entity {
    let name = first([&evidence.primary_address, &evidence.upn, &evidence.display_name]);
    let mut mailbox = Mailbox::default();
    mailbox.address = evidence.primary_address.take();
    mailbox.display_name = evidence.display_name.take();
    let account = evidence.user_account.take();
    let mut entity = with_rest(named(EntityKind::Mailbox(mailbox), name), evidence);
    identity::set_account(&mut Told::to(&mut entity.properties), account);
    entity
}
