//! What the stories about second factors share: two gateways on one backend, and the user mfa_a.

use std::{
    future::Future,
    sync::{Arc, LazyLock},
};

use railgate::{
    directory::{Factors as _, django::DjangoDirectory},
    model::{Activate, Activation, DeviceId, HashedCode, NewFactor, Secret, Timestamp, UserId},
};
use tokio::{sync::Barrier, task::JoinSet};

use super::directory;
use crate::support::django::Backend;

/// mfa_a of the demo.
pub(super) static USER: LazyLock<UserId> = LazyLock::new(|| UserId::new("5"));

/// mfa_b, who is asked for what is mfa_a's.
pub(super) static ANOTHER: LazyLock<UserId> = LazyLock::new(|| UserId::new("6"));

/// Ids that no row can have.
pub(super) const NOTHING: [&str; 5] = ["", "0", "x", "1\0", "1' OR '1'='1"];

/// When the stories happen.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + seconds)
}

/// The directories of two gateways on one backend.
pub(super) struct Gateways(pub(super) [Arc<DjangoDirectory>; 2]);

impl Gateways {
    pub(super) fn on(backend: &Backend) -> Self {
        Self([Arc::new(directory(backend)), Arc::new(directory(backend))])
    }

    /// The first one.
    pub(super) fn one(&self) -> &DjangoDirectory {
        &self.0[0]
    }

    /// What comes of so many calls that begin together, every other one on the other gateway.
    pub(super) async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
        &self,
        calls: usize,
        call: impl Fn(Arc<DjangoDirectory>, usize) -> F,
    ) -> Vec<T> {
        let (begin, mut tasks) = (Arc::new(Barrier::new(calls)), JoinSet::new());
        for number in 0..calls {
            let (begin, call) = (Arc::clone(&begin), call(Arc::clone(&self.0[number % 2]), number));
            tasks.spawn(async move {
                begin.wait().await;
                call.await
            });
        }
        tasks.join_all().await
    }
}

/// An authenticator to set up.
pub(super) fn new_factor(name: &str, secret: &str) -> NewFactor {
    NewFactor { name: name.to_owned(), secret: Secret::new(secret), created: at(0) }
}

/// The first code was shown.
pub(super) fn shown(device: &DeviceId) -> Activate {
    Activate { device: device.clone(), step: at(30), codes: None, only_first: false }
}

/// Sets an authenticator of mfa_a's up and shows its first code.
pub(super) async fn enrol(directory: &DjangoDirectory, secret: &str) -> DeviceId {
    let device = directory.set_up(&USER, new_factor("phone", secret)).await.unwrap();
    assert_eq!(directory.activate(&USER, shown(&device)).await.unwrap(), Activation::Active);
    device
}

/// Ten backup codes, each of 20 characters.
pub(super) fn ten(mark: &str) -> Vec<HashedCode> {
    (0..10).map(|number| HashedCode::new(format!("{mark:_<19}{number}"))).collect()
}

/// What is kept of mfa_a's unused codes, in the order of their ids.
pub(super) async fn kept(directory: &DjangoDirectory) -> Vec<String> {
    let codes = directory.codes(&USER).await.unwrap();
    codes.into_iter().map(|code| code.kept.expose().to_owned()).collect()
}

/// As [`kept`] has them.
pub(super) fn texts(codes: &[HashedCode]) -> Vec<String> {
    codes.iter().map(|code| code.as_str().to_owned()).collect()
}

/// Adds devices with codes as the backend does, a line each: `add(user, kind, is_active, *codes, …)`. Their ids.
pub(super) fn add(backend: &Backend, devices: &str) -> Vec<DeviceId> {
    let ids = backend.python(&format!(
        "from rail_django.models import MFABackupCode, MFADevice\n\
         def add(user, kind, active, *codes, used=None, primary=False):\n\
         \x20   device = MFADevice.objects.create(user_id=user, device_name='theirs', device_type=kind, is_active=active,\n\
         \x20       secret_key='theirs', last_used=used, is_primary=primary)\n\
         \x20   for code in codes: MFABackupCode.objects.create(device=device, code=code)\n\
         \x20   print(device.pk)\n\
         {devices}"
    ));
    ids.lines().map(DeviceId::new).collect()
}

/// Every device, as Django reads it: id, user, name, type, flags.
pub(super) fn devices(backend: &Backend) -> String {
    backend.python(
        "from rail_django.models import MFADevice\n\
         for d in MFADevice.objects.order_by('pk'):\n\
         \x20   flags = [name for name in ('is_active', 'is_primary') if getattr(d, name)]\n\
         \x20   print(d.pk, d.user_id, d.device_name, d.device_type, *flags)",
    )
}

/// Every backup code, as Django reads it: device and code, and whether it is used.
pub(super) fn codes(backend: &Backend) -> Vec<String> {
    let codes = backend.python(
        "from rail_django.models import MFABackupCode\n\
         for c in MFABackupCode.objects.order_by('pk'): print(c.device_id, c.code, *['used'] * c.is_used)",
    );
    codes.lines().map(str::to_owned).collect()
}
