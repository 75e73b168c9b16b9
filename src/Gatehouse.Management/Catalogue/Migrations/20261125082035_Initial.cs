using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Gatehouse.Management.Migrations
{
    /// <inheritdoc />
    public partial class Initial : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "access_tokens",
                columns: table => new
                {
                    id = table.Column<string>(nullable: false),
                    hash = table.Column<byte[]>(nullable: false),
                    user = table.Column<string>(nullable: false),
                    role = table.Column<string>(nullable: false),
                    created_at = table.Column<long>(nullable: false),
                    expires_at = table.Column<long>(nullable: false),
                    revoked_at = table.Column<long>(nullable: true),
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_access_tokens", x => x.id);
                }
            );

            migrationBuilder.CreateTable(
                name: "audit",
                columns: table => new
                {
                    id = table.Column<long>(nullable: false),
                    at = table.Column<long>(nullable: false),
                    actor = table.Column<string>(nullable: false),
                    from = table.Column<string>(nullable: false),
                    summary = table.Column<string>(nullable: false),
                    changes = table.Column<string>(nullable: false),
                    chain = table.Column<byte[]>(nullable: false),
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_audit", x => x.id);
                }
            );

            migrationBuilder.CreateTable(
                name: "catalogue_head",
                columns: table => new
                {
                    id = table.Column<int>(nullable: false),
                    history = table.Column<string>(nullable: false),
                    history_began_at = table.Column<long>(nullable: false),
                    history_reason = table.Column<string>(nullable: false),
                    epoch = table.Column<long>(nullable: false),
                    chain = table.Column<byte[]>(nullable: false),
                    tombstone_floor = table.Column<long>(nullable: false),
                    audit_id = table.Column<long>(nullable: false),
                    audit_chain = table.Column<byte[]>(nullable: false),
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_catalogue_head", x => x.id);
                }
            );

            migrationBuilder.CreateTable(
                name: "documents",
                columns: table => new
                {
                    digest = table.Column<byte[]>(nullable: false),
                    content = table.Column<byte[]>(nullable: false),
                    media_type = table.Column<string>(nullable: false),
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_documents", x => x.digest);
                }
            );

            migrationBuilder.CreateTable(
                name: "entities",
                columns: table => new
                {
                    kind = table.Column<string>(nullable: false),
                    name = table.Column<string>(nullable: false),
                    epoch = table.Column<long>(nullable: false),
                    digest = table.Column<byte[]>(nullable: false),
                    payload = table.Column<byte[]>(nullable: false),
                    deleted = table.Column<bool>(nullable: false),
                    expires_at = table.Column<long>(nullable: true),
                    signature = table.Column<byte[]>(nullable: false),
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_entities", x => new { x.kind, x.name });
                }
            );

            migrationBuilder.CreateTable(
                name: "heads",
                columns: table => new
                {
                    epoch = table.Column<long>(nullable: false),
                    chain = table.Column<byte[]>(nullable: false),
                    at = table.Column<long>(nullable: false),
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_heads", x => x.epoch);
                }
            );

            migrationBuilder.CreateTable(
                name: "join_tokens",
                columns: table => new
                {
                    id = table.Column<string>(nullable: false),
                    secret_hash = table.Column<byte[]>(nullable: false),
                    profile = table.Column<string>(nullable: false),
                    node = table.Column<string>(nullable: false),
                    created_by = table.Column<string>(nullable: false),
                    created_at = table.Column<long>(nullable: false),
                    expires_at = table.Column<long>(nullable: false),
                    attempts = table.Column<int>(nullable: false),
                    public_key = table.Column<byte[]>(nullable: true),
                    used_at = table.Column<long>(nullable: true),
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_join_tokens", x => x.id);
                }
            );

            migrationBuilder.CreateTable(
                name: "node_certificates",
                columns: table => new
                {
                    serial_number = table.Column<string>(nullable: false),
                    node = table.Column<string>(nullable: false),
                    not_after = table.Column<long>(nullable: false),
                    issued_at = table.Column<long>(nullable: false),
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_node_certificates", x => x.serial_number);
                }
            );

            migrationBuilder.CreateTable(
                name: "node_status",
                columns: table => new
                {
                    node = table.Column<string>(nullable: false),
                    report = table.Column<byte[]>(nullable: false),
                    reported_at = table.Column<long>(nullable: false),
                    seen_at = table.Column<long>(nullable: false),
                    serial_number = table.Column<string>(nullable: false),
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_node_status", x => x.node);
                }
            );

            migrationBuilder.CreateTable(
                name: "revisions",
                columns: table => new
                {
                    api = table.Column<string>(nullable: false),
                    number = table.Column<int>(nullable: false),
                    digest = table.Column<byte[]>(nullable: false),
                    definition = table.Column<byte[]>(nullable: false),
                    document_digest = table.Column<byte[]>(nullable: true),
                    message = table.Column<string>(nullable: true),
                    created_by = table.Column<string>(nullable: false),
                    created_at = table.Column<long>(nullable: false),
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_revisions", x => new { x.api, x.number });
                }
            );

            migrationBuilder.CreateTable(
                name: "secrets",
                columns: table => new
                {
                    name = table.Column<string>(nullable: false),
                    wrapped = table.Column<byte[]>(nullable: false),
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_secrets", x => x.name);
                }
            );

            migrationBuilder.CreateTable(
                name: "sign_in_codes",
                columns: table => new
                {
                    hash = table.Column<byte[]>(nullable: false),
                    user = table.Column<string>(nullable: false),
                    role = table.Column<string>(nullable: false),
                    expires_at = table.Column<long>(nullable: false),
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_sign_in_codes", x => x.hash);
                }
            );

            migrationBuilder.CreateIndex(
                name: "IX_access_tokens_hash",
                table: "access_tokens",
                column: "hash",
                unique: true
            );

            migrationBuilder.CreateIndex(name: "IX_entities_epoch", table: "entities", column: "epoch", unique: true);

            migrationBuilder.CreateIndex(name: "IX_node_certificates_node", table: "node_certificates", column: "node");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(name: "access_tokens");

            migrationBuilder.DropTable(name: "audit");

            migrationBuilder.DropTable(name: "catalogue_head");

            migrationBuilder.DropTable(name: "documents");

            migrationBuilder.DropTable(name: "entities");

            migrationBuilder.DropTable(name: "heads");

            migrationBuilder.DropTable(name: "join_tokens");

            migrationBuilder.DropTable(name: "node_certificates");

            migrationBuilder.DropTable(name: "node_status");

            migrationBuilder.DropTable(name: "revisions");

            migrationBuilder.DropTable(name: "secrets");

            migrationBuilder.DropTable(name: "sign_in_codes");
        }
    }
}
