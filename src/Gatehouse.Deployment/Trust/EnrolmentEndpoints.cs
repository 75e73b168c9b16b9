using Gatehouse.Deployment.Internal;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Deployment.Trust;

/// <summary>The endpoints of joining, for a manager's control server.</summary>
public static class EnrolmentEndpoints
{
    /// <summary>Maps join, renewal, cluster key and authorities; <see cref="EnrolmentService"/> is in the services.</summary>
    public static void MapEnrolment(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGrpcService<EnrolmentService>();
        endpoints.MapGet(
            InternalPaths.Authorities,
            (EnrolmentService enrolment) => TypedResults.Text(enrolment.AuthoritiesPem, "application/x-pem-file")
        );
    }
}
